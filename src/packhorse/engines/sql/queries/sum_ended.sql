-- Adds up what of a queue and state has ended in a span, by hour and task. Walks a part of an index, and takes no lock.
select {micros}(finished_at) / 3600000000 * 3600000000, task, count(*),
    CAST(sum(failures + crashes) AS bigint), CAST(sum(skips) AS bigint), count(started_at),
    CAST(coalesce(sum({micros}(finished_at) - {micros}(started_at)), 0) AS bigint)
from {finished}
where queue = CAST(:queue AS text) and state = CAST(:state AS text)
  and finished_at > {at}(CAST(:since AS bigint)) and finished_at <= {at}(CAST(:until AS bigint))
group by 1, 2
