-- Marks the jobs that followers wait that it is not settled of for, so that their end is news. One that is just ending is left to the next pass.
update {job}
set is_awaited = (id > 0)
where id {any_of}
    select target.id
    from (
        select job_id as id from {arrival} where gate = 'jobs' order by job_id limit CAST(:limit AS bigint)
    ) as follower
    join {dependency} as needed on needed.job_id = follower.id
    join {job} as target on target.id = needed.on_id
    where not target.is_awaited
    order by target.id
    {skip_locked}
))
