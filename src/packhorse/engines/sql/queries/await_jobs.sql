-- Marks the jobs that fresh followers wait for, so that their end is news. One that is just ending is left to the next pass.
update {job}
set is_awaited = (id > 0)
where id {any_of}
    select target.id
    from (
        select id from {job} where is_fresh and gate = 'jobs' order by id limit CAST(:limit AS bigint)
    ) as follower
    join {dependency} as needed on needed.job_id = follower.id
    join {job} as target on target.id = needed.on_id
    where not target.is_awaited
    order by target.id
    {skip_locked}
))
