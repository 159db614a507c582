-- Puts held jobs back where they belong: to their time, while that is to come. One with a gate before it is looked at anew,
-- as after its enqueueing, and comes to the end of its line: what it waited for may have come while it was held. Locks go by id, so that two such never deadlock.
-- The state is not asked for, which by a CHECK is `blocked`: where the statistics were taken while nothing was, the planner
-- would walk all that are.
update {job}
set state = case when scheduled_at > {now} then 'scheduled' when gate is not null then 'blocked' else 'available' end,
    waits_for = case when scheduled_at > {now} then null else gate end,
    serial_place = null, group_place = null, reason = null
where id {any_of}
    select id from {job}
    where id in (select CAST(value AS bigint) from {ids}) and waits_for = 'hold'
    order by id {wait_for_lock}
))
returning id
