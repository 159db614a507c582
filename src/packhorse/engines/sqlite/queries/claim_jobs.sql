-- Gives the most urgent available jobs of one queue to a worker; which ones they are is said in next_jobs.sql, and why a
-- job is not among them by `explain.sql`, out of the same fragments.
-- One transaction alone writes. What was taken is read by the lease, which no other claim ever has, and not returned by the
-- update: to return anything SQLite would read each row's columns once more, all of them.
update {job}
set state = 'executing', worker_id = CAST(:worker AS bigint), lease_number = CAST(:number AS bigint),
    attempt = case when attempt < {highest_count} then attempt + 1 else attempt end, started_at = {now}, reason = null
    , has_permit = (id > 0)   -- with :limited
where id {any_of}
    {next_jobs(CAST(:queue AS text))}
));

select id, task, queue, priority, {micros}(order_at), args, kwargs, meta,
    case when enqueued_at <> order_at then {micros}(enqueued_at) end,
    attempt, failures, skips, crashes, max_attempts, serial_key, group_key
from {job}
where state = 'executing' and worker_id = CAST(:worker AS bigint) and lease_number = CAST(:number AS bigint)
