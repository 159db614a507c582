-- Deletes what belongs to jobs that are not there any more: nobody waits for these rows. A lock that somebody is about to take
-- over is passed over.
delete from {record_lock}
where (type, key) in (
    select type, key from {record_lock} as held
    where held.job_id in (select CAST(value AS bigint) from {ids})
      and not exists (select 1 from {job} as job where job.id = held.job_id)
      and not exists (select 1 from {finished} as finished where finished.id = held.job_id)
    {skip_locked}
);

delete from {element}
where job_id in (select CAST(value AS bigint) from {ids})
  and not exists (select 1 from {job} as job where job.id = {element}.job_id)
  and not exists (select 1 from {finished} as finished where finished.id = {element}.job_id);

delete from {package}
where job_id in (select CAST(value AS bigint) from {ids})
  and not exists (select 1 from {job} as job where job.id = {package}.job_id)
  and not exists (select 1 from {finished} as finished where finished.id = {package}.job_id)
returning job_id
