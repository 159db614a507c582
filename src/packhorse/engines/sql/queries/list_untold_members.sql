-- Jobs of these batches of which it is to be told now: they have ended, and so have all before them. In the order of their places in their
-- batches; the index holds none of which it was told.
with bound as materialized (
    select CAST(named.value AS bigint) as batch_id, coalesce((
        select first.number from {member} as first
        where first.is_untold and first.batch_id = CAST(named.value AS bigint) and first.counted_as = 'enqueued'
        order by first.batch_id, first.number limit 1
    ), {highest_count}) as number
    from {names} as named
)
select member.batch_id, member.job_id, member.number, member.counted_as
from bound join {member} as member
    on member.is_untold and member.batch_id = bound.batch_id and member.number < bound.number
order by member.batch_id, member.number
limit CAST(:limit AS bigint)
