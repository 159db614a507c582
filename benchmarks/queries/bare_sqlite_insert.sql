-- One job, prepared once and run for all.
insert into bare_job (queue, state, priority, order_at, args) values ('default', 'available', 5, ?, ?)
