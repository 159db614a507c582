-- Counts the deaths of a job's workers anew, since it has come on. The row is locked to the end of the transaction, which confirms the lease.
update {job}
set crashes = 0
where id = CAST(:id AS bigint) and state = 'executing'
  and worker_id = CAST(:worker AS bigint) and lease_number = CAST(:number AS bigint)
