-- Gives back what a worker has under one of its leases; of some rows or, without, of all.
delete from {row_lease}
where queue_table = :table and worker_id = :worker and lease_number = :number
