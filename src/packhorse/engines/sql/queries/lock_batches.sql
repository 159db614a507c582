-- Locks the batches of which there is news, or that have one of these jobs: only whoever has them counts in them.
select id, enqueued, succeeded, failed, cancelled, expected,
    {micros}(first_enqueued_at), {micros}(last_enqueued_at), {micros}(last_processed_at), last_job_id, {micros}(closed_at),
    on_success, on_failure, on_end
from {batch}
where id in (
    select CAST(value AS bigint) from {names}
    union
    select batch_id from {member} where job_id in (select CAST(value AS bigint) from {ids})
)
order by id
{wait_for_lock}
