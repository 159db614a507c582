-- Puts followers to rest of which the end of every job that they wait for will be news, or is that of a failed one which a
-- person may yet run again; and forgets those that have gone from this gate. Those of a job that was given up stay until they
-- are cancelled, and one of which everything has ended meanwhile until the next pass lets it go.
delete from {arrival}
where gate = 'jobs' and job_id in (
    select arrived.job_id
    from (select job_id from {arrival} where gate = 'jobs' order by job_id limit CAST(:limit AS bigint)) as arrived
    where not exists (
        select 1 from {job} as follower
        where follower.id = arrived.job_id and follower.waits_for = 'jobs' and follower.gate = 'jobs'
    )
    or exists (
        select 1 from {dependency} as needed
        left join {job} as target on target.id = needed.on_id
        left join {finished} as past on past.id = needed.on_id
        where needed.job_id = arrived.job_id and (
            target.is_awaited or needed.needs = 'success' and past.state = 'failed' and past.dismissed_at is null
        )
    )
    and not exists (
        select 1 from {dependency} as needed
        left join {job} as target on target.id = needed.on_id
        left join {finished} as past on past.id = needed.on_id
        where needed.job_id = arrived.job_id and (
            target.id is not null and not target.is_awaited
            or needed.needs = 'success' and (past.state = 'cancelled' or past.dismissed_at is not null)
        )
    )
)
