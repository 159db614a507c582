-- For each queue and state the span from its oldest finished job to the moment up to which none is kept any more, where the
-- one lies before the other. One look into an index for each; which queues and states there are is known from the counts.
select queue, state, {micros}(oldest), {micros}(until)
from (
    select known.queue as queue, known.state as state,
        case known.state
            when 'failed' then (
                select past.dismissed_at from {finished} as past
                where past.queue = known.queue and past.dismissed_at is not null
                order by past.dismissed_at limit 1
            )
            else (
                select past.finished_at from {finished} as past
                where past.queue = known.queue and past.state = known.state
                order by past.finished_at limit 1
            )
        end as oldest,
        {now} - case known.state
            when 'succeeded' then coalesce(settings.keep_succeeded_us, CAST(:succeeded AS bigint))
            when 'cancelled' then coalesce(settings.keep_cancelled_us, CAST(:cancelled AS bigint))
            else coalesce(settings.keep_failed_us, CAST(:failed AS bigint))
        end {us} as until
    from (select queue, state from {tally} group by queue, state) as known
    left join {queue} as settings on settings.name = known.queue
) as span
where oldest <= until
order by oldest
