-- Has the followers of jobs that have ended looked at again.
insert into {arrival} (gate, job_id, queue, key)
select 'jobs', follower.id, '', ''
from {job} as follower
where follower.state = 'blocked' and follower.waits_for = 'jobs' and follower.gate = 'jobs' and follower.id in (
    select job_id from {dependency} where on_id in (select CAST(value AS bigint) from {ids})
)
order by follower.id
on conflict do nothing
