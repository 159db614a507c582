-- Locks a queue with a limit, so that nobody else counts and claims its jobs meanwhile, and forgets the starts that no longer
-- count.
with locked as (
    select name from {queue} where name = CAST(:queue AS text) {for_update}
)
select 1 from locked where name is null;

delete from {start}
where queue = CAST(:queue AS text) and key = '' and started_at <= {now} - (
    select rate_period_us from {queue} where name = CAST(:queue AS text)
) {us}
