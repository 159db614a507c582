-- Blocks jobs that nobody runs until somebody releases them. A row that is being claimed at this moment is waited for,
-- and is then left to its worker because its state no longer fits. Locks go by id, so that two such never deadlock.
update {job}
set state = 'blocked', waits_for = 'hold', is_fresh = {false}, reason = CAST(:reason AS text)
where id {any_of}
    select id from {job}
    where id in (select CAST(value AS bigint) from {ids}) and state in ('blocked', 'scheduled', 'available')
      and coalesce(waits_for, '') <> 'hold'
    order by id {wait_for_lock}
))
returning id
