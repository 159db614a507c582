-- Our own job rows, by the fastest way into a table that there is.
copy packhorse.job (task, queue, state, priority, order_at, enqueued_at, args) from stdin
