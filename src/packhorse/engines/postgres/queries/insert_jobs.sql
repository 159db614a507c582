-- Stores jobs, in the caller's transaction or in one of their own. Touches no row that another producer needs, but for
-- jobs with a unique key: such a one waits for a producer of the same key, in order of the keys, and the options rule what
-- becomes of a job that has it already. The rows that come back tell which keys they are for, and whether that job runs: such
-- a one is read, and never locked, since its worker would wait for us. (One that is being claimed at this very moment may
-- be.) Those that wait are locked until the end of this transaction, which a claim passes over: what they find is committed.
-- In a database that is not the installation :installation nothing is stored and no row comes back.
-- A trigger of the table sends the hint to waiting workers.
-- with :unique
with running as materialized (
    select job.id, job.task, job.unique_key
    from {unique_keys}
    join {job} as job on job.task = named.task and job.unique_key = named.unique_key
    where job.unique_key is not null and (job.started_at is null or job.unique_until = 'end')
      and job.state = 'executing'
      and exists (select from {installation} where id = CAST(:installation AS text))
), stored as (
-- end
insert into {job} as job (task, queue, state, priority, order_at, scheduled_at, expected_at, enqueued_at,
    args, kwargs, meta, max_attempts, unique_key, unique_until, serial_key, group_key, gate, waits_for,
    responsible, is_awaited)
select task, queue,
    case when due_at > {now} then 'scheduled' when gate is not null then 'blocked' else 'available' end, priority,
    coalesce(wanted_at, due_at, {now}), due_at, wanted_at, {now}, args, kwargs, meta, max_attempts,
    unique_key, unique_until, serial_key, group_key, gate, case when due_at > {now} then null else gate end,
    responsible, coalesce(is_awaited, {false})
from (
    select item.*,
        coalesce(timestamptz 'epoch' + scheduled_at {us}, {now} + delay {us}) as due_at,
        coalesce(timestamptz 'epoch' + expected_at {us}, {now} + expected_in {us}) as wanted_at
    from json_to_recordset(CAST(CAST(:jobs AS text) AS json)) as item (
        task text, queue text, priority smallint, args text, kwargs text, meta text, max_attempts integer,
        scheduled_at bigint, delay bigint, expected_at bigint, expected_in bigint, unique_key text, unique_until text,
        serial_key text, group_key text, gate text, responsible text, is_awaited boolean
    )
    where exists (select from {installation} where id = CAST(:installation AS text))
      and (item.task, item.unique_key) not in (select running.task, running.unique_key from running)   -- with :unique
) as new
-- with :unique
on conflict (task, unique_key) where unique_key is not null and (started_at is null or unique_until = 'end')
do nothing   -- with :refuse
do update set unique_key = excluded.unique_key where job.state <> 'executing'   -- with :keep
-- with :earliest
do update
set scheduled_at = case when excluded.scheduled_at is not null
        then least(coalesce(job.scheduled_at, job.enqueued_at), excluded.scheduled_at) end,
    order_at = least(job.order_at, excluded.order_at),
    state = case when job.state = 'scheduled' and excluded.state <> 'scheduled'
        then case when job.gate is null then 'available' else 'blocked' end else job.state end,
    waits_for = case when job.state = 'scheduled' and excluded.state <> 'scheduled' then job.gate else job.waits_for end
where job.state <> 'executing'
-- end
-- One that gets a later time comes to its keys anew when it is due, and the next ones get what it may have had of them.
-- with :replace
do update
set args = excluded.args, kwargs = excluded.kwargs, meta = excluded.meta, priority = excluded.priority,
    max_attempts = excluded.max_attempts, responsible = excluded.responsible,
    order_at = excluded.order_at, scheduled_at = excluded.scheduled_at, expected_at = excluded.expected_at,
    state = case when job.waits_for in ('hold', 'task') then 'blocked' when excluded.state = 'scheduled' then 'scheduled'
        when job.gate is not null then 'blocked' else 'available' end,
    waits_for = case when job.waits_for in ('hold', 'task') then job.waits_for
        when excluded.state <> 'scheduled' then job.gate end,
    gate = case when excluded.state <> 'scheduled' or job.gate = 'jobs' then job.gate
        when job.serial_key is not null then 'serial' when job.group_key is not null then 'group' end,
    serial_place = case when excluded.state <> 'scheduled' then job.serial_place end,
    group_place = case when excluded.state <> 'scheduled' then job.group_place end
where job.state <> 'executing'
-- end
returning id   -- without :unique
returning id, task, unique_key   -- with :unique
, queue, serial_key, group_key, gate, scheduled_at   -- with :replace
)   -- with :unique
-- with :replace
, announced as (
    insert into {ended} (queue, serial_key, group_key)
    select queue, serial_key, group_key
    from stored
    where scheduled_at > {now} and gate in ('serial', 'group')
)
-- end
select id, task, unique_key, 0 from stored   -- with :unique
union all select id, task, unique_key, 1 from running   -- with :unique
