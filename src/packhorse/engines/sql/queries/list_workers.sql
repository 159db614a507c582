-- The registered workers, by start.
select id, name, queues, {micros}(started_at), {micros}(expires_at),
    (select count(*) from {job} as held where held.state = 'executing' and held.worker_id = worker.id)
from {worker} as worker
order by started_at, id
