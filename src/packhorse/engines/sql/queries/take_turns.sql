-- Locks the keys that jobs have come to, and those of which more may go on now, for the transaction in which it is settled
-- who is next; tells of each whether one has come too late for its id to be its place. What somebody else has locked is passed over:
-- they, or the next who looks, will settle it. A key that is new has no row yet: of such a one null is told.
with front as (
    {first_arrivals(:limit)}
), wanted (scope, queue, key, first_id) as (
    select scope, queue, key, min(first_id)
    from (
        select gate as scope, queue, key, job_id as first_id from front
        union all
        select scope, queue, key, null
        from (
            select scope, queue, key from {turn}
            where next_at is not null and next_at <= {now}
            order by next_at
            limit CAST(:limit AS bigint)
        ) as due
    ) as one
    group by scope, queue, key
)
select scope, queue, key, is_late from (
    select turn.scope, turn.queue, turn.key, coalesce(wanted.first_id <= turn.last_place, {false}) as is_late
    from wanted join {turn} as turn on turn.scope = wanted.scope and turn.queue = wanted.queue and turn.key = wanted.key
    order by 1, 2, 3
    {skip_locked_turn}
) as locked
union all
select wanted.scope, wanted.queue, wanted.key, null from wanted
where not exists (
    select 1 from {turn} as turn
    where turn.scope = wanted.scope and turn.queue = wanted.queue and turn.key = wanted.key
)
