-- Stores jobs that differ in nothing but their positional arguments and are wanted as soon as possible: what `insert_jobs`
-- does, with less to unpack. In the caller's transaction or in one of its own; touches no row that another producer needs.
-- In a database that is not the installation :installation nothing is stored and no row comes back.
insert into {job} (task, queue, state, priority, order_at, enqueued_at, args, max_attempts)
select CAST(:task AS text), CAST(:queue AS text), 'available', CAST(:priority AS smallint), {now}, {now}, value,
    CAST(:max_attempts AS integer)
from {texts}
where exists (select 1 from {installation} where id = CAST(:installation AS text))
returning id
