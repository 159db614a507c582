-- Stores the counters of batches, which the caller has locked, and whether they have ended; forgets the jobs that were
-- enqueued because of that. For each of the counters its batch is looked up, not the other way round.
update {batch} as batch
set first_enqueued_at = {at}named.first_enqueued, last_enqueued_at = {at}named.last_enqueued,
    last_processed_at = {at}named.last_processed, last_job_id = named.last_job_id,
    enqueued = named.enqueued, succeeded = named.succeeded, failed = named.failed, cancelled = named.cancelled,
    closed_at = {at}named.closed, ended_at = case when named.is_open = 0 then coalesce(batch.ended_at, {now}) end,
    on_success = case when named.on_success = 1 then batch.on_success end,
    on_failure = case when named.on_failure = 1 then batch.on_failure end,
    on_end = case when named.on_end = 1 then batch.on_end end
from {totals}
where batch.id = named.id
