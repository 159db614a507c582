-- Deletes what belongs to jobs that are not there any more: nobody waits for these rows.
delete from {element}
where job_id in (select CAST(value AS bigint) from {ids})
  and not exists (select 1 from {job} as job where job.id = {element}.job_id)
  and not exists (select 1 from {finished} as finished where finished.id = {element}.job_id);

delete from {package}
where job_id in (select CAST(value AS bigint) from {ids})
  and not exists (select 1 from {job} as job where job.id = {package}.job_id)
  and not exists (select 1 from {finished} as finished where finished.id = {package}.job_id)
returning job_id
