-- Has the followers of jobs that have ended looked at again. Locks go by id, so that two such never deadlock; a row that
-- somebody else has is waited for: it may be a worker that has looked at it before, and puts it to rest.
update {job}
set is_fresh = (gate = 'jobs')
where id {any_of}
    select id from {job}
    where state = 'blocked' and waits_for = 'jobs' and gate = 'jobs' and id in (
        select job_id from {dependency} where on_id in (select CAST(value AS bigint) from {ids})
    )
    order by id {wait_for_lock}
))
