-- Blocks available jobs of a task that no live worker knows, so that they are out of the way of every claim.
-- A row that is locked is being claimed or cancelled: it is left alone. Those that had room in their group give it to the
-- next; to tell a group that nothing has changed does no harm.
insert into {ended} (queue, group_key)
select queue, group_key
from {job}
where state = 'available' and queue = CAST(:queue AS text) and task = CAST(:task AS text) and group_key is not null
group by queue, group_key;

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
