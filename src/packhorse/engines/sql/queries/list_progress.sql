-- How far jobs have come, found by their primary key. Takes no lock.
select job_id, attempt, done, total, note, {micros}(at)
from {progress}
where job_id in (select CAST(value AS bigint) from {ids})
order by job_id
