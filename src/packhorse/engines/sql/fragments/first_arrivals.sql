-- (most) The first of the jobs that have come to serial keys, and of those that have come to groups, by their ids.
select gate, queue, key, job_id from (
    select gate, queue, key, job_id from {arrival} where gate = 'serial' order by job_id limit CAST({most} AS bigint)
) as one
union all
select gate, queue, key, job_id from (
    select gate, queue, key, job_id from {arrival} where gate = 'group' order by job_id limit CAST({most} AS bigint)
) as one
