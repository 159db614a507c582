-- Notes for the jobs that were just stored which others they wait for.
insert into {dependency} (job_id, on_id, needs)
select CAST(follower.value AS bigint), CAST(target.value AS bigint), CAST(:needs AS text)
from {ids} as follower cross join {names} as target
