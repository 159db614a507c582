-- Has the followers of jobs that have ended looked at again. A row that somebody else has locked is left for the next time.
update {job}
set is_fresh = (gate = 'jobs')
where id {any_of}
    select id from {job}
    where state = 'blocked' and waits_for = 'jobs' and gate = 'jobs' and id in (
        select job_id from {dependency} where on_id in (select CAST(value AS bigint) from {ids})
    )
    order by id {skip_locked}
))
