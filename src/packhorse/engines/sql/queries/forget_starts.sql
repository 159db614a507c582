-- Deletes starts that nobody counts any more and that nobody else deletes: those of queues without a rate, and old ones of
-- groups of which there are no jobs. A claim or a promotion sees to the others, under a lock on their queue or their group.
delete from {start}
where {row_id} {any_of}
    select past.{row_id} as id
    from {start} as past
    where not exists (
        select 1 from {queue} as record
        where record.name = past.queue and past.key = '' and record.rate_count is not null
    ) and not exists (
        select 1 from {queue} as record
        where record.name = past.queue and past.key <> '' and (
            past.started_at > {now} - record.group_rate_period_us {us}
            or record.group_rate_count is not null and exists (
                select 1 from {turn} as turn
                where turn.scope = 'group' and turn.queue = past.queue and turn.key = past.key
            )
        )
    )
    limit CAST(:limit AS bigint)
))
returning queue
