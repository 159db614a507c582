-- Workers whose heartbeat has expired, and holders of a lease that have no row at all.
select id, name, queues, {micros}(started_at), {micros}(expires_at),
    (select count(*) from {job} as held where held.state = 'executing' and held.worker_id = worker.id)
from {worker} as worker
where expires_at <= {now}
union all
select worker_id, 'unknown', '[]', {micros}({now}), {micros}({now}), count(*)
from {job} as held
where state = 'executing' and not exists (select 1 from {worker} as worker where worker.id = held.worker_id)
group by worker_id
