-- The tasks that some live worker knows.
select distinct known.task
from {worker_task} as known
join {worker} as worker on worker.id = known.worker_id
where worker.expires_at > {now}
