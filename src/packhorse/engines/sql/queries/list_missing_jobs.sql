-- Of these ids those of which there is no job any more, live or finished. Looks each up by its primary key, and takes no lock.
select CAST(value AS bigint) as id
from {ids}
where not exists (select 1 from {job} as job where job.id = CAST(value AS bigint))
  and not exists (select 1 from {finished} as finished where finished.id = CAST(value AS bigint))
