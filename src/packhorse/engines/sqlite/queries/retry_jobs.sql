-- Moves failed and cancelled jobs back to the live ones, with fresh counts.
insert into {job} (id, task, queue, state, priority, order_at, expected_at, enqueued_at, args, kwargs, meta,
    max_attempts, attempt, started_at, unique_key, unique_until, serial_key, group_key, responsible,
    error_type, error_message, error_traceback)
select id, task, queue, 'available', priority, coalesce(expected_at, {now}), expected_at, enqueued_at, args, kwargs,
    meta, max_attempts, attempt, started_at, unique_key, unique_until, serial_key, group_key, responsible,
    error_type, error_message, error_traceback
from {finished}
where id in (select CAST(value AS bigint) from {ids}) and state in ('failed', 'cancelled');

insert into {tally} (queue, state, kept, ended)
select queue, state, -count(*), 0
from {finished}
where id in (select CAST(value AS bigint) from {ids}) and state in ('failed', 'cancelled')
group by queue, state
on conflict (queue, state) do update set kept = kept + excluded.kept, ended = ended + excluded.ended;

delete from {finished}
where id in (select CAST(value AS bigint) from {ids}) and state in ('failed', 'cancelled')
returning id
