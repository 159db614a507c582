-- Deletes all that some jobs said. They are finished: nobody waits for these rows.
delete from {progress}
where job_id in (select CAST(value AS bigint) from {ids});

delete from {job_log}
where job_id in (select CAST(value AS bigint) from {ids})
returning job_id
