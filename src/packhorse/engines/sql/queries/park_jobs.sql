-- Blocks available jobs of a task that no live worker knows, so that they are out of the way of every claim.
-- A row that is locked is being claimed or cancelled: it is left alone.
update {job}
set state = 'blocked', waits_for = 'task', group_place = null, gate = case when group_key is not null then 'group' end,
    reason = 'unknown task: no live worker knows ' || task
where id {any_of}
    select id from {job}
    where state = 'available' and queue = CAST(:queue AS text) and task = CAST(:task AS text)
    order by priority, order_at, id
    limit CAST(:limit AS bigint) {skip_locked}
))
returning id
