-- Jobs that finished an hour ago, as a worker leaves them behind; their ids come before those of all that follow.
with ids as (
    select nextval(pg_get_serial_sequence('packhorse.job', 'id')) as id from generate_series(1, %(count)s)
)
insert into packhorse.finished (id, task, queue, state, priority, order_at, enqueued_at, started_at, finished_at, args,
    attempt, failures, skips, crashes, worker)
select id, 'nothing', 'default', 'succeeded', 5, now() - interval '1 hour', now() - interval '1 hour',
    now() - interval '1 hour', now() - interval '1 hour', '[' || id || ',"' || repeat('x', 64) || '"]', 1, 0, 0, 0,
    'worker'
from ids
