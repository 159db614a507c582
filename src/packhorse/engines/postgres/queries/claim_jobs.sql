-- Gives the most urgent available jobs of one queue to a worker; which ones they are is said in next_jobs.sql, and why a
-- job is not among them by `explain.sql`, out of the same fragments.
-- Locks only the rows that it takes and passes over rows that somebody else has locked, so that workers never wait for
-- one another.
update {job}
set state = 'executing', worker_id = CAST(:worker AS bigint), lease_number = CAST(:number AS bigint),
    attempt = case when attempt < {highest_count} then attempt + 1 else attempt end, started_at = {now}, reason = null
    , has_permit = (id > 0)   -- with :limited
where {row_id} {any_of}
    {next_jobs(CAST(:queue AS text))}
))
returning id, task, queue, priority, {micros}(order_at), args, kwargs, meta,
    case when enqueued_at <> order_at then {micros}(enqueued_at) end,
    attempt, failures, skips, crashes, max_attempts, serial_key, group_key
