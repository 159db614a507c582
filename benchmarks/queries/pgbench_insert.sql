-- One job in a transaction of its own.
insert into bench_job (queue, state, priority, order_at, args)
values ('default', 'available', 5, now(), '[1, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"]')
returning id;
