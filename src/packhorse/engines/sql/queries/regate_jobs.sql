-- Sends jobs of groups back to their gate that were let on under other rules and have not started.
update {job}
set state = 'blocked', gate = 'group', waits_for = 'group', group_place = null
where id {any_of}
    select id from {job}
    where state = 'available' and group_place = 0 and queue in (select value from {names})
    order by id
    limit CAST(:limit AS bigint) {skip_locked}
))
returning id
