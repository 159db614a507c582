-- Which records are locked, and by whom. What a job locked counts while the job is live.
select held.type, held.key, held.job_id, held.owner
from {locks}
join {record_lock} as held on held.type = named.type and held.key = named.key
where held.owner is not null or exists (select 1 from {job} as job where job.id = held.job_id)
order by held.type {bytewise}, held.key {bytewise}
