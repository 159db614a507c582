-- Takes failed jobs out of the inbox. One that is being brought back at this moment is waited for, and then it is not
-- there. Locks go by id, so that two such never deadlock.
update {finished}
set dismissed_at = {now}, dismissed_by = CAST(:by AS text), dismissal = CAST(:why AS text)
where id {any_of}
    select id from {finished}
    where id in (select CAST(value AS bigint) from {ids}) and state = 'failed' and dismissed_at is null
    order by id {wait_for_lock}
))
returning id
