-- Has the followers of jobs that have ended looked at again.
update {job}
set is_fresh = (gate = 'jobs')
where state = 'blocked' and waits_for = 'jobs' and gate = 'jobs' and id in (
    select job_id from {dependency} where on_id in (select CAST(value AS bigint) from {ids})
)
