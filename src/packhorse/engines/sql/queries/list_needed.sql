-- The jobs that a job waits for, with their states; those that are no longer recorded have none. Takes no lock.
select needed.on_id, coalesce(live.state, past.state), needed.needs
from {dependency} as needed
left join {job} as live on live.id = needed.on_id
left join {finished} as past on past.id = needed.on_id
where needed.job_id = CAST(:id AS bigint)
order by needed.on_id
