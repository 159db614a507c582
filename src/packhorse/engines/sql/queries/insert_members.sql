-- Puts jobs that were just stored into a batch, if it is there. No row is touched that another producer needs: they are
-- counted later, which a trigger of the table asks for.
insert into {member} (job_id, batch_id, enqueued_at)
select CAST(named.value AS bigint), batch.id, {now}
from {ids} as named cross join {batch} as batch
where batch.id = CAST(:batch AS bigint) and batch.forgotten_at is null
returning job_id
