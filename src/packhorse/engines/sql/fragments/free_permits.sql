-- (queue_name) How many jobs of a queue the limit and the rate in its record let start now; very many where there are none.
coalesce((
    select {greatest}(0, {least}(
        coalesce(max_running - (
            select count(*) from {job} as running where running.queue = {queue_name} and running.has_permit = {true}
        ), 1000000),
        coalesce(rate_count - (
            select coalesce(sum(past.number), 0) from {start} as past
            where past.queue = {queue_name} and past.key = '' and past.started_at > {now} - rate_period_us {us}
        ), 1000000)
    ))
    from {queue} where name = {queue_name}
), 1000000)
