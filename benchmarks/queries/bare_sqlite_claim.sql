-- The first phase, inside BEGIN IMMEDIATE.
update bare_job set state = 'executing', worker_id = 1, lease_number = ?
where id in (
    select id from bare_job
    where state = 'available' and queue = 'default'
    order by priority, order_at, id
    limit 500
)
returning id, args
