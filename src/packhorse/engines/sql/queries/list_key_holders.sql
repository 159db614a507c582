-- Finished jobs that can't be brought back, and the live job that has the unique key of each. Takes no lock.
select past.id, job.id
from {finished} as past
join {job} as job on job.task = past.task and job.unique_key = past.unique_key
    and (job.started_at is null or job.unique_until = 'end')
where past.id in (select CAST(value AS bigint) from {ids}) and past.state in ('failed', 'cancelled')
