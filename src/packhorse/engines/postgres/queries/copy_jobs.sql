-- Stores jobs that are wanted as soon as possible, as many as are sent, under ids that were taken before.
-- Touches no row that another producer needs. A trigger of the table sends the hint to waiting workers.
copy {job} (id, task, queue, state, priority, order_at, enqueued_at, args, kwargs, meta, max_attempts) from stdin
