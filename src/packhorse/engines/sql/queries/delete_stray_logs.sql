-- Deletes what jobs said that are not there any more: nobody waits for these rows.
delete from {progress}
where job_id in (select CAST(value AS bigint) from {ids})
  and not exists (select 1 from {job} as job where job.id = {progress}.job_id)
  and not exists (select 1 from {finished} as finished where finished.id = {progress}.job_id);

delete from {job_log}
where job_id in (select CAST(value AS bigint) from {ids})
  and not exists (select 1 from {job} as job where job.id = {job_log}.job_id)
  and not exists (select 1 from {finished} as finished where finished.id = {job_log}.job_id)
returning job_id
