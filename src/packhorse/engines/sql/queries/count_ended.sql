-- How many of the packages that are known by one correlation id have ended: they are no live jobs any more. Takes no lock.
select count(*)
from {package} as package
where package.correlation = CAST(:correlation AS text)
  and not exists (select 1 from {job} as job where job.id = package.job_id)
