-- Renews heartbeats. Touches only the rows of workers of this machine, in order of id, so that nobody deadlocks.
update {worker}
set expires_at = {now} + CAST(:lease AS bigint) {us}
where id in (select CAST(value AS bigint) from {ids})
returning id
