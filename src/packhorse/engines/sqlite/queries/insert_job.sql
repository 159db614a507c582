-- Stores one job that is wanted as soon as possible, in the caller's transaction or in one of its own: what `insert_jobs`
-- does, without unpacking anything.
-- In a database that is not the installation :installation nothing is stored and no row comes back.
insert into {job} (task, queue, state, priority, order_at, enqueued_at, args, kwargs, meta, max_attempts)
select :task, :queue, 'available', :priority, {now}, {now}, :args, :kwargs, :meta, :max_attempts
from {installation}
where id = :installation
returning id
