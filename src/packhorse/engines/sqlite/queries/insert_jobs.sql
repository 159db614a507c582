-- Stores jobs, in the caller's transaction or in one of their own.
-- In a database that is not the installation :installation nothing is stored and no row comes back.
insert into {job} (task, queue, state, priority, order_at, scheduled_at, expected_at, enqueued_at,
    args, kwargs, meta, max_attempts)
select task, queue, case when due_at > {now} then 'scheduled' else 'available' end, priority,
    coalesce(wanted_at, due_at, {now}), due_at, wanted_at, {now}, args, kwargs, meta, max_attempts
from (
    select json_extract(value, '$.task') as task,
        json_extract(value, '$.queue') as queue,
        json_extract(value, '$.priority') as priority,
        json_extract(value, '$.args') as args,
        json_extract(value, '$.kwargs') as kwargs,
        json_extract(value, '$.meta') as meta,
        json_extract(value, '$.max_attempts') as max_attempts,
        coalesce(json_extract(value, '$.scheduled_at'), {now} + json_extract(value, '$.delay')) as due_at,
        coalesce(json_extract(value, '$.expected_at'), {now} + json_extract(value, '$.expected_in')) as wanted_at
    from json_each(:jobs)
    where exists (select 1 from {installation} where id = :installation)
)
returning id
