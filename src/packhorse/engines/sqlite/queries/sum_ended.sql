-- Adds up what of a queue and state has ended in a span, by hour and task. Walks a part of an index, and takes no lock.
select finished_at / 3600000000 * 3600000000, task, count(*), sum(failures + crashes), sum(skips), count(started_at),
    coalesce(sum(finished_at - started_at), 0)
from {finished}
where queue = :queue and state = :state and finished_at > :since and finished_at <= :until
group by 1, 2
