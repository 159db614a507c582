-- All workers, for their locks to be looked at, and holders of a lease that have no row at all.
select id, name, queues, started_at, expires_at,
    (select count(*) from {job} as held where held.state = 'executing' and held.worker_id = worker.id),
    1, {now}
from {worker} as worker
union all
select worker_id, 'unknown', '[]', {now}, {now}, count(*), 0, {now}
from {job} as held
where state = 'executing' and not exists (select 1 from {worker} as worker where worker.id = held.worker_id)
group by worker_id
