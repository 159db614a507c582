-- Fresh followers of a job that will never succeed: it was cancelled, or somebody dismissed its failure.
select needed.job_id, min(needed.on_id)
from (
    select id from {job} where is_fresh and gate = 'jobs' order by id limit CAST(:limit AS bigint)
) as follower
join {dependency} as needed on needed.job_id = follower.id
join {finished} as target on target.id = needed.on_id
where needed.needs = 'success' and (target.state = 'cancelled' or target.dismissed_at is not null)
group by needed.job_id
