-- Stores jobs, in the caller's transaction or in one of their own. Where one has a unique key that another one has
-- already, the options rule what becomes of it. The rows that come back tell which keys they are for.
-- In a database that is not the installation :installation nothing is stored and no row comes back.
-- One that gets a later time comes to its keys anew when it is due, and the next ones get what it had of them.
-- with :replace
insert into {ended} (queue, serial_key, group_key)
select job.queue, case when coalesce(job.gate, 'group') = 'group' then job.serial_key end,
    case when job.gate is null then job.group_key end
from {unique_keys}
join {job} as job on job.task = named.task and job.unique_key = named.unique_key
where job.unique_key is not null and (job.started_at is null or job.unique_until = 'end')
  and job.state <> 'executing' and coalesce(named.scheduled_at, {now} + named.delay) > {now} and (
    job.serial_key is not null and coalesce(job.gate, 'group') = 'group'
    or job.group_key is not null and job.gate is null
  )
  and exists (select 1 from {installation} where id = :installation);
-- end

insert into {job} (task, queue, state, priority, order_at, scheduled_at, expected_at, enqueued_at,
    args, kwargs, meta, max_attempts, unique_key, unique_until, serial_key, group_key, gate, waits_for,
    responsible, is_awaited)
select task, queue,
    case when due_at > {now} then 'scheduled' when gate is not null then 'blocked' else 'available' end, priority,
    coalesce(wanted_at, due_at, {now}), due_at, wanted_at, {now}, args, kwargs, meta, max_attempts,
    unique_key, unique_until, serial_key, group_key, gate, case when due_at > {now} then null else gate end,
    responsible, coalesce(is_awaited, {false})
from (
    select json_extract(value, '$.task') as task,
        json_extract(value, '$.queue') as queue,
        json_extract(value, '$.priority') as priority,
        json_extract(value, '$.args') as args,
        json_extract(value, '$.kwargs') as kwargs,
        json_extract(value, '$.meta') as meta,
        json_extract(value, '$.max_attempts') as max_attempts,
        json_extract(value, '$.unique_key') as unique_key,
        json_extract(value, '$.unique_until') as unique_until,
        json_extract(value, '$.serial_key') as serial_key,
        json_extract(value, '$.group_key') as group_key,
        json_extract(value, '$.gate') as gate,
        json_extract(value, '$.responsible') as responsible,
        json_extract(value, '$.is_awaited') as is_awaited,
        coalesce(json_extract(value, '$.scheduled_at'), {now} + json_extract(value, '$.delay')) as due_at,
        coalesce(json_extract(value, '$.expected_at'), {now} + json_extract(value, '$.expected_in')) as wanted_at
    from json_each(:jobs)
    where exists (select 1 from {installation} where id = :installation)
)
where true   -- with :unique
-- with :unique
on conflict (task, unique_key) where unique_key is not null and (started_at is null or unique_until = 'end')
do nothing   -- with :refuse
do update set unique_key = excluded.unique_key where {job}.state <> 'executing'   -- with :keep
-- with :earliest
do update
set scheduled_at = case when excluded.scheduled_at is not null
        then min(coalesce({job}.scheduled_at, {job}.enqueued_at), excluded.scheduled_at) end,
    order_at = min({job}.order_at, excluded.order_at),
    state = case when {job}.state = 'scheduled' and excluded.state <> 'scheduled'
        then case when {job}.gate is null then 'available' else 'blocked' end else {job}.state end,
    waits_for = case when {job}.state = 'scheduled' and excluded.state <> 'scheduled' then {job}.gate else {job}.waits_for end
where {job}.state <> 'executing'
-- end
-- with :replace
do update
set args = excluded.args, kwargs = excluded.kwargs, meta = excluded.meta, priority = excluded.priority,
    max_attempts = excluded.max_attempts, responsible = excluded.responsible,
    order_at = excluded.order_at, scheduled_at = excluded.scheduled_at, expected_at = excluded.expected_at,
    state = case when {job}.waits_for in ('hold', 'task') then 'blocked' when excluded.state = 'scheduled' then 'scheduled'
        when {job}.gate is not null then 'blocked' else 'available' end,
    waits_for = case when {job}.waits_for in ('hold', 'task') then {job}.waits_for
        when excluded.state <> 'scheduled' then {job}.gate end,
    gate = case when excluded.state <> 'scheduled' or {job}.gate = 'jobs' then {job}.gate
        when {job}.serial_key is not null then 'serial' when {job}.group_key is not null then 'group' end,
    serial_place = case when excluded.state <> 'scheduled' then {job}.serial_place end,
    group_place = case when excluded.state <> 'scheduled' then {job}.group_place end
where {job}.state <> 'executing'
-- end
returning id   -- without :unique
returning id, task, unique_key, 0   -- with :unique
