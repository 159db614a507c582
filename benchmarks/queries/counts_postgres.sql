-- A week of finished jobs in twenty queues, one in a hundred of them failed, one cancelled, and half of the failed ones
-- dismissed; their counts, folded but for the last ten thousand; and a backlog, half of it in one queue, a third not due.
with rows as (
    select n, n / 20 %% 100 as part, now() - interval '6 days' * (%(finished)s - n) / %(finished)s as moment
    from generate_series(1, %(finished)s) as n
)
insert into packhorse.finished (id, task, queue, state, priority, order_at, enqueued_at, started_at, finished_at, args,
    attempt, failures, skips, crashes, worker, dismissed_at)
select n, 'task_' || n %% 50, 'queue_' || n %% 20,
    case part when 0 then 'failed' when 1 then 'cancelled' else 'succeeded' end,
    5, moment, moment, moment, moment, '[' || n || ',"' || repeat('x', 64) || '"]', 1, 0, 0, 0, 'worker',
    case when part = 0 and n / 2000 %% 2 = 0 then moment end
from rows;

insert into packhorse.tally (queue, state, kept, ended)
select queue, state, count(*), count(*) from packhorse.finished where id <= %(finished)s - 10000 group by queue, state
union all
select queue, state, 1, 1 from packhorse.finished where id > %(finished)s - 10000;

with rows as (
    select n, 'queue_' || case when n %% 2 = 0 then 0 else n %% 20 end as queue,
        case when n %% 500 = 1 then 'executing' when n %% 6 = 0 then 'scheduled' when n %% 6 = 1 then 'blocked'
            else 'available' end as state
    from generate_series(1, %(live)s) as n
)
insert into packhorse.job (id, task, queue, state, priority, order_at, scheduled_at, enqueued_at, args, waits_for,
    worker_id, lease_number)
select %(finished)s + n, 'task', queue, state, n %% 5, now(), case state when 'scheduled' then now() + interval '1 day' end,
    now(), '[' || n || ',"' || repeat('x', 64) || '"]', case state when 'blocked' then 'task' end,
    case state when 'executing' then n %% 4 end, case state when 'executing' then 1 end
from rows
