-- Jobs that a worker holds and that it is to stop, found by a partial index that is empty but for these. Takes no lock.
select id, task, queue, priority, {micros}(order_at), args, kwargs, meta,
    case when enqueued_at <> order_at then {micros}(enqueued_at) end,
    attempt, failures, skips, crashes, max_attempts, serial_key, group_key,
    worker_id, lease_number, coalesce(cancelled_by, 'somebody')
from {job}
where state = 'executing' and worker_id = CAST(:worker AS bigint) and cancel_at is not null
order by id
