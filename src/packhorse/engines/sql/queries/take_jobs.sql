-- Notes who looks into failed jobs. Locks go by id, so that two such never deadlock.
update {finished}
set taken_at = {now}, taken_by = CAST(:by AS text)
where id {any_of}
    select id from {finished}
    where id in (select CAST(value AS bigint) from {ids}) and state = 'failed' and dismissed_at is null
    order by id {wait_for_lock}
))
returning id
