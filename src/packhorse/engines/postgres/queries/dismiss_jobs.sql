-- Takes failed jobs out of the inbox, and has the jobs looked at again that wait for their success, also those
-- that this statement can't see yet. One that is being brought back at this moment is waited for, and then it is not
-- there. Locks go by id, so that two such never deadlock.
with named as materialized (
    select id from {finished}
    where id in (select CAST(value AS bigint) from {ids}) and state = 'failed' and dismissed_at is null
    order by id
    for update
), dismissed as (
    update {finished} as past
    set dismissed_at = {now}, dismissed_by = CAST(:by AS text), dismissal = CAST(:why AS text)
    from named
    where past.id = named.id
), announced as (
    insert into {ended} (job_id) select id from named
)
select id from named
