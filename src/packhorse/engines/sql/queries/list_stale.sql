-- The jobs that are blocked and were wanted long ago: how many of each task and queue are blocked by the same kind of thing, since when
-- the oldest is wanted, and one of them. Takes no lock.
select task, queue, waits_for, count(*), {micros}(min(order_at)), min(id)
from {job} as job
where {fits(job, job.enqueued_at)}
group by task, queue, waits_for
order by min(order_at), min(id)
