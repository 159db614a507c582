-- Stores jobs, in the caller's transaction or in one of their own. Touches no row that another producer needs, but for
-- jobs with a unique key: such a one waits for a producer of the same key, in order of the keys, and :on_duplicate rules
-- what becomes of a job that has it already. The rows that come back tell which keys they are for.
-- In a database that is not the installation :installation nothing is stored and no row comes back.
-- A trigger of the table sends the hint to waiting workers.
insert into {job} as job (task, queue, state, priority, order_at, scheduled_at, expected_at, enqueued_at,
    args, kwargs, meta, max_attempts, unique_key, unique_until, serial_key, group_key, gate, waits_for, is_fresh,
    responsible)
select task, queue,
    case when due_at > {now} then 'scheduled' when gate is not null then 'blocked' else 'available' end, priority,
    coalesce(wanted_at, due_at, {now}), due_at, wanted_at, {now}, args, kwargs, meta, max_attempts,
    unique_key, unique_until, serial_key, group_key, gate, case when due_at > {now} then null else gate end,
    gate is not null and not coalesce(due_at > {now}, false), responsible
from (
    select item.*,
        coalesce(timestamptz 'epoch' + scheduled_at {us}, {now} + delay {us}) as due_at,
        coalesce(timestamptz 'epoch' + expected_at {us}, {now} + expected_in {us}) as wanted_at
    from json_to_recordset(CAST(CAST(:jobs AS text) AS json)) as item (
        task text, queue text, priority smallint, args text, kwargs text, meta text, max_attempts integer,
        scheduled_at bigint, delay bigint, expected_at bigint, expected_in bigint, unique_key text, unique_until text,
        serial_key text, group_key text, gate text, responsible text
    )
    where exists (select from {installation} where id = CAST(:installation AS text))
) as new
-- with :unique
on conflict (task, unique_key) where unique_key is not null and (started_at is null or unique_until = 'end')
do nothing   -- with :refuse
do update set unique_key = excluded.unique_key   -- with :keep
-- with :earliest
do update
set scheduled_at = case when excluded.scheduled_at is not null
        then least(coalesce(job.scheduled_at, job.enqueued_at), excluded.scheduled_at) end,
    order_at = least(job.order_at, excluded.order_at),
    state = case when job.state = 'scheduled' and excluded.state <> 'scheduled'
        then case when job.gate is null then 'available' else 'blocked' end else job.state end,
    waits_for = case when job.state = 'scheduled' and excluded.state <> 'scheduled' then job.gate else job.waits_for end,
    is_fresh = case when job.state = 'scheduled' and excluded.state <> 'scheduled'
        then job.gate is not null else job.is_fresh end
-- end
-- with :replace
do update
set args = excluded.args, kwargs = excluded.kwargs, meta = excluded.meta, priority = excluded.priority,
    max_attempts = excluded.max_attempts, responsible = excluded.responsible,
    order_at = excluded.order_at, scheduled_at = excluded.scheduled_at, expected_at = excluded.expected_at,
    state = case when job.waits_for in ('hold', 'task') then 'blocked' when excluded.state = 'scheduled' then 'scheduled'
        when job.gate is not null then 'blocked' else 'available' end,
    waits_for = case when job.waits_for in ('hold', 'task') then job.waits_for
        when excluded.state <> 'scheduled' then job.gate end,
    is_fresh = case when job.state = 'blocked' then job.is_fresh else job.gate is not null end
        and excluded.state <> 'scheduled',
    serial_place = case when excluded.state <> 'scheduled' then job.serial_place end,
    group_place = case when excluded.state <> 'scheduled' or job.gate is null then job.group_place end
where job.state <> 'executing'
-- end
returning id   -- without :unique
returning id, task, unique_key   -- with :unique
