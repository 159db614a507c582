-- Our own job row, as one statement of the driver that an application has anyway.
insert into packhorse.job (task, queue, state, priority, order_at, enqueued_at, args)
values ('nothing', 'default', 'available', 5, now(), now(), %s)
returning id
