-- Blocks jobs that nobody runs until somebody releases them. One that has room in its group gives it to the next, and has
-- to wait for room again; one that has its serial key keeps it.
insert into {ended} (job_id, queue, group_key)
select id, queue, group_key
from {job}
where id in (select CAST(value AS bigint) from {ids}) and state in ('blocked', 'scheduled', 'available')
  and coalesce(waits_for, '') <> 'hold' and group_key is not null and gate is null;

update {job}
set state = 'blocked', waits_for = 'hold', reason = :reason,
    gate = case when gate is null and group_key is not null then 'group' else gate end,
    group_place = case when gate is not null then group_place end
where id in (select CAST(value AS bigint) from {ids}) and state in ('blocked', 'scheduled', 'available')
  and coalesce(waits_for, '') <> 'hold'
returning id
