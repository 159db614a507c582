-- Keeps the news for followers that somebody else had locked, so that they are looked at the next time.
insert into {ended} (job_id)
select distinct needed.on_id
from {dependency} as needed join {job} as follower on follower.id = needed.job_id
where needed.on_id in (select CAST(value AS bigint) from {ids})
  and follower.state = 'blocked' and follower.waits_for = 'jobs' and follower.gate = 'jobs' and not follower.is_fresh
