-- Puts fresh followers to rest of which the end of every job that they wait for will be news, or is that of a failed one
-- which a person may yet run again.
update {job}
set is_fresh = {false}
where id {any_of}
    select follower.id from {job} as follower
    where follower.is_fresh and follower.gate = 'jobs' and not exists (
        select 1 from {dependency} as needed join {job} as target on target.id = needed.on_id
        where needed.job_id = follower.id and not target.is_awaited
    )
    order by follower.id
    limit CAST(:limit AS bigint)
    {skip_locked}
))
