-- The first phase: some jobs become executing; locked ones are passed over.
update bare_job set state = 'executing', worker_id = 1, lease_number = %s
where id = any(array(
    select id from bare_job
    where state = 'available' and queue = 'default'
    order by priority, order_at, id
    limit 500
    for update skip locked
))
returning id, args
