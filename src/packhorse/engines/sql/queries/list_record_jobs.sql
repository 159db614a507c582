-- The jobs that are or were about a record, the newest first. What belongs to a job that is gone is on its way out.
select element.job_id
from {element} as element
where element.type = CAST(:type AS text) and element.key = CAST(:key AS text)
  and element.job_id < CAST(:before_id AS bigint)   -- with :before
  and (
      exists (select 1 from {job} as job where job.id = element.job_id)
      or exists (select 1 from {finished} as past where past.id = element.job_id)
  )
order by element.job_id desc
limit CAST(:limit AS bigint)
