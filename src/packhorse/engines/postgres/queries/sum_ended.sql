-- Adds up what of a queue and state has ended in a span, by hour and task. Walks a part of an index, and takes no lock. The sums are
-- made of intervals, and only they become numbers: that of each row would take longer than all else.
select {micros}(hour), task, jobs, errors, skipped, timed, CAST(coalesce(extract(epoch from took), 0) * 1000000 AS bigint)
from (
    select date_trunc('hour', finished_at, 'UTC') as hour, task, count(*) as jobs, sum(failures + crashes) as errors,
        sum(skips) as skipped, count(started_at) as timed, sum(finished_at - started_at) as took
    from {finished}
    where queue = CAST(:queue AS text) and state = CAST(:state AS text)
      and finished_at > {at}(CAST(:since AS bigint)) and finished_at <= {at}(CAST(:until AS bigint))
    group by 1, 2
) as summed
