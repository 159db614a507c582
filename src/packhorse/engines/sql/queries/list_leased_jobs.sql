-- Jobs that a worker holds, found by the partial index on (worker_id). Takes no lock: the ack is guarded by the lease.
select id, task, queue, priority, {micros}(order_at), args, kwargs, meta,
    case when enqueued_at <> order_at then {micros}(enqueued_at) end,
    attempt, failures, skips, crashes, max_attempts, serial_key, group_key, worker_id, lease_number,
    case when cancel_at is not null then coalesce(cancelled_by, 'somebody') end
from {job}
where state = 'executing' and worker_id = CAST(:worker AS bigint)
order by id
limit CAST(:limit AS bigint)
