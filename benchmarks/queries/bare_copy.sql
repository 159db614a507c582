-- Fills the bare table as fast as the driver can.
copy bare_job (queue, state, priority, order_at, args) from stdin
