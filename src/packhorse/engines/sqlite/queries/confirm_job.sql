-- Confirms that a job runs under a lease, in a transaction that has begun to write, so that it stays so until that ends.
select id from {job}
where id = :id and state = 'executing' and worker_id = :worker and lease_number = :number
