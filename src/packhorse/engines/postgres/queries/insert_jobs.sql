-- Stores jobs, in the caller's transaction or in one of their own. Touches no row that another producer needs.
-- In a database that is not the installation :installation nothing is stored and no row comes back.
-- A trigger of the table sends the hint to waiting workers.
insert into {job} (task, queue, state, priority, order_at, scheduled_at, expected_at, enqueued_at,
    args, kwargs, meta, max_attempts)
select task, queue, case when due_at > {now} then 'scheduled' else 'available' end, priority,
    coalesce(wanted_at, due_at, {now}), due_at, wanted_at, {now}, args, kwargs, meta, max_attempts
from (
    select item.*,
        coalesce(timestamptz 'epoch' + scheduled_at {us}, {now} + delay {us}) as due_at,
        coalesce(timestamptz 'epoch' + expected_at {us}, {now} + expected_in {us}) as wanted_at
    from json_to_recordset(CAST(CAST(:jobs AS text) AS json)) as item (
        task text, queue text, priority smallint, args text, kwargs text, meta text, max_attempts integer,
        scheduled_at bigint, delay bigint, expected_at bigint, expected_in bigint
    )
    where exists (select from {installation} where id = CAST(:installation AS text))
) as new
returning id
