-- Locks records for jobs, or for an owner; those come back that had no row. Every one of these rows is this transaction's until
-- its end, whosever lock it is: what is read of it by further statements holds. So it is another statement that reads it: this
-- one, having waited for a producer, would not see the job that the row names by then. Rows come in the order of the document,
-- which is the same for all, so that nobody waits in a circle.
insert into {record_lock} (type, key, job_id, owner, is_temporary, locked_at)
select named.type, named.key, named.job_id, CAST(:owner AS text), CAST(:temporary AS integer) = 1, {now}
from {locks}
where true
on conflict (type, key) do update set owner = excluded.owner where {false}
returning type, key
