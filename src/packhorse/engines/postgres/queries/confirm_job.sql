-- Confirms that a job runs under a lease, and has it stay so until the transaction ends. A row that somebody has locked is waited for.
select id   -- without :fenced
select {schema}.held(max(id))   -- with :fenced
from (
    select id from {job}
    where id = CAST(:id AS bigint) and state = 'executing'
      and worker_id = CAST(:worker AS bigint) and lease_number = CAST(:number AS bigint)
    for update
) as job
