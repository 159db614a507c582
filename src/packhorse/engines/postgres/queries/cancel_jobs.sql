-- Moves jobs that nobody runs to the finished ones. A row that is being claimed at this moment is waited for, and is
-- then left to its worker because its state no longer fits.
with gone as (
    delete from {job}
    where id in (select CAST(value AS bigint) from {ids}) and state in ('blocked', 'scheduled', 'available')
    returning *
), counted as (
    insert into {tally} (queue, state, kept, ended)
    select queue, 'cancelled', count(*), count(*) from gone group by queue
)
insert into {finished} (id, task, queue, state, priority, args, kwargs, meta, enqueued_at, order_at, scheduled_at,
    expected_at, started_at, finished_at, attempt, failures, skips, crashes, max_attempts, unique_key, unique_until, serial_key,
    group_key, responsible, reason, error_type, error_message, error_traceback)
select id, task, queue, 'cancelled', priority, args, kwargs, meta, enqueued_at, order_at, scheduled_at,
    expected_at, started_at, {now}, attempt, failures, skips, crashes, max_attempts,
    unique_key, unique_until, serial_key, group_key, responsible, 'cancelled before it ran',
    error_type, error_message, error_traceback
from gone
returning id
