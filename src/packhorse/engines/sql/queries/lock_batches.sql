-- Locks the batches of which there is news, or that have one of these jobs: only whoever has them counts in them. Of one that was given
-- up nothing more is expected.
select id, enqueued, succeeded, failed, cancelled, case when reason is null then expected end,
    {micros}(first_enqueued_at), {micros}(last_enqueued_at), {micros}(last_processed_at), last_job_id, {micros}(closed_at),
    on_success, on_failure, on_end, on_each
from {batch}
where id {any_of}
    select CAST(value AS bigint) as id from {names}
    union
    select member.batch_id as id from {member} as member
    where member.job_id {any_of} select CAST(value AS bigint) as id from {ids}))
)) and forgotten_at is null
order by id
{wait_for_lock}
