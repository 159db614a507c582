-- The next packages in order of their jobs, whether those are there or not.
select job_id from {package} where job_id > CAST(:after_id AS bigint) order by job_id limit CAST(:limit AS bigint)
