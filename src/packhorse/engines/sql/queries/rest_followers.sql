-- Puts fresh followers to rest of which the end of every job that they wait for will be news, or is that of a failed one
-- which a person may yet run again. Those of a job that was given up stay fresh until they are cancelled, and one of which
-- everything has ended meanwhile until the next pass lets it go.
update {job}
set is_fresh = {false}
where id {any_of}
    select follower.id from {job} as follower
    where follower.is_fresh and follower.gate = 'jobs'
      and exists (
          select 1 from {dependency} as needed
          left join {job} as target on target.id = needed.on_id
          left join {finished} as past on past.id = needed.on_id
          where needed.job_id = follower.id and (
              target.is_awaited or needed.needs = 'success' and past.state = 'failed' and past.dismissed_at is null
          )
      )
      and not exists (
          select 1 from {dependency} as needed
          left join {job} as target on target.id = needed.on_id
          left join {finished} as past on past.id = needed.on_id
          where needed.job_id = follower.id and (
              target.id is not null and not target.is_awaited
              or needed.needs = 'success' and (past.state = 'cancelled' or past.dismissed_at is not null)
          )
      )
    order by follower.id
    limit CAST(:limit AS bigint)
    {skip_locked}
))
