-- For each queue and state of which something has ended that is not in the figures: from when on, and up to when about :limit jobs have.
-- Jobs that ended at one moment are never parted. One walk over a part of an index for each; which queues and states there are is
-- known from the counts.
select queue, state, since, until
from (
    select queue, state, since, coalesce((
        select {micros}(past.finished_at) from {finished} as past
        where past.queue = known.queue and past.state = known.state and past.finished_at > {at}(since)
          and past.finished_at <= {now} - CAST(:lag AS bigint) {us}
        order by past.finished_at limit 1 offset CAST(:limit AS bigint) - 1
    ), {micros}({now}) - CAST(:lag AS bigint)) as until
    from (
        select tally.queue as queue, tally.state as state,
            {greatest}(coalesce(mark.counted_until_us, 0), {micros}({now}) - CAST(:kept AS bigint)) as since
        from (select queue, state from {tally} group by queue, state) as tally
        left join {statistic_mark} as mark on mark.queue = tally.queue and mark.state = tally.state
    ) as known
) as span
where (
    select 1 from {finished} as past
    where past.queue = span.queue and past.state = span.state
      and past.finished_at > {at}(since) and past.finished_at <= {at}(until)
    order by past.finished_at limit 1
) = 1
order by queue, state
