-- The tasks of all workers, for the workers' locks to be looked at.
select known.task, worker.id, worker.expires_at, {now}
from {worker_task} as known
join {worker} as worker on worker.id = known.worker_id
