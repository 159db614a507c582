-- Fresh followers of a job that will never succeed: it was cancelled, or somebody dismissed its failure. One that somebody
-- else has locked is left for the next time.
select follower.id, (
    select min(needed.on_id)
    from {dependency} as needed join {finished} as target on target.id = needed.on_id
    where needed.job_id = follower.id and needed.needs = 'success'
      and (target.state = 'cancelled' or target.dismissed_at is not null)
)
from {job} as follower
where follower.id in (
    select job_id from {arrival} where gate = 'jobs' order by job_id limit CAST(:limit AS bigint)
)
and follower.waits_for = 'jobs' and follower.gate = 'jobs' and exists (
    select 1 from {dependency} as needed join {finished} as target on target.id = needed.on_id
    where needed.job_id = follower.id and needed.needs = 'success'
      and (target.state = 'cancelled' or target.dismissed_at is not null)
)
order by follower.id
limit CAST(:limit AS bigint)
{skip_locked}
