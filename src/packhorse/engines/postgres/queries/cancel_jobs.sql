-- Withdraws jobs: those that run are asked to stop, and the first asker stays; those that nobody runs move to the finished
-- ones, and what waited for them, or for what they had, is told. Every row is locked before its state is read, by id, so that two such never deadlock: one that is being claimed or
-- acknowledged at this moment is waited for, and counts as what it is then. A row that comes back says whether its job is gone.
with named as materialized (
    select id, state from {job}
    where id in (select CAST(value AS bigint) from {ids})
      and state <> 'executing'   -- without :running
    order by id
    for update
), asked as (
    update {job} as job
    set cancel_at = {now}, cancelled_by = CAST(:by AS text)
    from named
    where job.id = named.id and named.state = 'executing' and job.cancel_at is null
), gone as (
    delete from {job} as job
    using named
    where job.id = named.id and named.state <> 'executing'
    returning job.*
), counted as (
    insert into {tally} (queue, state, kept, ended)
    select queue, 'cancelled', count(*), count(*) from gone group by queue
), moved as (
    insert into {finished} (id, task, queue, state, priority, args, kwargs, meta, enqueued_at, order_at, scheduled_at,
        expected_at, started_at, finished_at, attempt, failures, skips, crashes, max_attempts, unique_key, unique_until,
        serial_key, group_key, responsible, reason, error_type, error_message, error_traceback)
    select id, task, queue, 'cancelled', priority, args, kwargs, meta, enqueued_at, order_at, scheduled_at,
        expected_at, started_at, {now}, attempt, failures, skips, crashes, max_attempts,
        unique_key, unique_until, serial_key, group_key, responsible, CAST(:reason AS text),
        error_type, error_message, error_traceback
    from gone
), announced as (
    insert into {ended} (job_id, queue, serial_key, group_key)
    select id, queue, case when coalesce(gate, 'group') = 'group' then serial_key end, case when gate is null then group_key end
    from gone
    where is_awaited or serial_key is not null and coalesce(gate, 'group') = 'group' or group_key is not null and gate is null
)
select id, state <> 'executing' from named
