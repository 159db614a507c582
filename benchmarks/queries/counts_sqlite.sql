-- The same as counts_postgres.sql.
with recursive series (n) as (select 1 union all select n + 1 from series where n < :finished), rows as (
    select n, n / 20 % 100 as part, :now - 518400000000 / :finished * (:finished - n) as moment from series
)
insert into packhorse_finished (id, task, queue, state, priority, order_at, enqueued_at, started_at, finished_at, args,
    attempt, failures, skips, crashes, worker, dismissed_at)
select n, 'task_' || (n % 50), 'queue_' || (n % 20),
    case part when 0 then 'failed' when 1 then 'cancelled' else 'succeeded' end,
    5, moment, moment, moment, moment, '[' || n || ',"' || printf('%064d', 0) || '"]', 1, 0, 0, 0, 'worker',
    case when part = 0 and n / 2000 % 2 = 0 then moment end
from rows;

insert into packhorse_tally (queue, state, kept, ended)
select queue, state, count(*), count(*) from packhorse_finished group by queue, state;

with recursive series (n) as (select 1 union all select n + 1 from series where n < :live), rows as (
    select n, 'queue_' || (case when n % 2 = 0 then 0 else n % 20 end) as queue,
        case when n % 500 = 1 then 'executing' when n % 6 = 0 then 'scheduled' when n % 6 = 1 then 'blocked'
            else 'available' end as state
    from series
)
insert into packhorse_job (id, task, queue, state, priority, order_at, scheduled_at, enqueued_at, args, waits_for,
    worker_id, lease_number)
select :finished + n, 'task', queue, state, n % 5, :now, case state when 'scheduled' then :now + 86400000000 end,
    :now, '[' || n || ',"' || printf('%064d', 0) || '"]', case state when 'blocked' then 'task' end,
    case state when 'executing' then n % 4 end, case state when 'executing' then 1 end
from rows
