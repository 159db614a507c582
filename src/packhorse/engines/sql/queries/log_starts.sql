-- Keeps in mind when jobs of groups with a rate started whose runs have ended.
insert into {start} (queue, key, started_at, number)
select queue, group_key, started_at, 1
from {job}
where id in (select CAST(value AS bigint) from {ids}) and state = 'executing' and worker_id = CAST(:worker AS bigint)
  and group_key is not null
  and exists (select 1 from {queue} as record where record.name = {job}.queue and record.group_rate_count is not null)
