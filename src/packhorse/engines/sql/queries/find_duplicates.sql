-- The jobs that keep others out by their unique keys, and whether they run. Locks none.
select job.id, job.task, job.unique_key, case when job.state = 'executing' then 1 else 0 end
from {unique_keys}
join {job} as job on job.task = named.task and job.unique_key = named.unique_key
where job.unique_key is not null and (job.started_at is null or job.unique_until = 'end')
  and exists (select 1 from {installation} where id = CAST(:installation AS text))
