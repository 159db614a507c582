-- Records that the runs of one claim, or some of them, simply succeeded: most acks say no more than that, and by far the
-- cheapest way to say it is a list of ids. Guarded by the lease: a row that was rescued meanwhile stays where it is, and
-- its id does not come back. A row that somebody else has locked is waited for.
-- The rows are found by id: the lease is compared by `is not distinct from`, which no index serves (see ack_jobs.sql).
with gone as (
    delete from {job}
    where id = any (CAST(translate(CAST(:ids AS text), '[]', '{}') AS bigint[]))
      and worker_id is not distinct from CAST(:worker AS bigint)
      and lease_number is not distinct from CAST(:number AS bigint)
    returning id, task, queue, priority, args, kwargs, meta, enqueued_at, order_at, scheduled_at, expected_at,
        started_at, attempt, failures, skips, crashes, max_attempts
), moved as (
    insert into {finished} (id, task, queue, state, priority, args, kwargs, meta, enqueued_at, order_at, scheduled_at,
        expected_at, started_at, finished_at, attempt, failures, skips, crashes, max_attempts, worker)
    select id, task, queue, 'succeeded', priority, args, kwargs, meta, enqueued_at, order_at, scheduled_at,
        expected_at, started_at, {now}, attempt, failures, skips, crashes, max_attempts,
        (select name from {worker} where id = CAST(:worker AS bigint))
    from gone
)
select id from gone
