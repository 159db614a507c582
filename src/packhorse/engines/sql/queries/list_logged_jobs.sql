-- The next jobs that said something: of each table as many as asked for, by looks into its primary key that pass over the
-- lines of a job. Takes no lock.
with recursive logged (job_id) as (
    select (select job_id from {job_log} where job_id > CAST(:after_id AS bigint) order by job_id limit 1)
    union all
    select (select line.job_id from {job_log} as line where line.job_id > logged.job_id order by line.job_id limit 1)
    from logged
    where logged.job_id is not null
)
select job_id from (
    select job_id from (select job_id from logged where job_id is not null limit CAST(:limit AS bigint)) as with_lines
    union
    select job_id from (
        select job_id from {progress}
        where job_id > CAST(:after_id AS bigint)
        order by job_id
        limit CAST(:limit AS bigint)
    ) as with_progress
) as told
order by job_id
limit CAST(:limit AS bigint)
