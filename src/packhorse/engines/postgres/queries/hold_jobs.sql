-- Blocks jobs that nobody runs until somebody releases them. A row that is being claimed at this moment is waited for,
-- and is then left to its worker because its state no longer fits. Locks go by id, so that two such never deadlock. One
-- that has room in its group gives it to the next, and has to wait for room again; one that has its serial key keeps it.
with named as materialized (
    select id, queue, group_key, gate from {job}
    where id in (select CAST(value AS bigint) from {ids}) and state in ('blocked', 'scheduled', 'available')
      and coalesce(waits_for, '') <> 'hold'
    order by id
    for update
), held as (
    update {job} as job
    set state = 'blocked', waits_for = 'hold', reason = CAST(:reason AS text),
        gate = case when job.gate is null and job.group_key is not null then 'group' else job.gate end,
        group_place = case when job.gate is not null then job.group_place end
    from named
    where job.id = named.id
), announced as (
    insert into {ended} (job_id, queue, group_key)
    select id, queue, group_key from named where group_key is not null and gate is null
)
select id from named
