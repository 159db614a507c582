-- Takes the starts of jobs that were claimed and did not run off what counts for their queue's rate: as rows of their own, of
-- the same moment, so that no row is changed that a claim may be deleting, and nobody waits. What was claimed before its
-- queue had a rate has left nothing to take off; nor is anything taken off when the acknowledgement will be refused.
insert into {start} (queue, key, started_at, number)
select job.queue, '', job.started_at, -count(*)
from {job} as job
where job.id in (select CAST(value AS bigint) from {ids}) and job.state = 'executing'
  and job.worker_id = CAST(:worker AS bigint) and job.lease_number = CAST(:number AS bigint)
  and job.cancel_at is null   -- without :final
  and exists (
      select 1 from {start} as past where past.queue = job.queue and past.key = '' and past.started_at = job.started_at
  )
group by job.queue, job.started_at
