-- Gives the most urgent available jobs of one queue to a worker.
-- Locks only the rows that it takes and passes over rows that somebody else has locked, so that workers never wait for
-- one another; the partial index on (queue, priority, order_at, id) is walked from its head, or from a place where this
-- worker has been, and left after :limit rows.
update {job}
set state = 'executing', worker_id = CAST(:worker AS bigint), lease_number = CAST(:number AS bigint),
    attempt = case when attempt < {highest_count} then attempt + 1 else attempt end, started_at = {now}, reason = null
where id {any_of}
    select id from {job}
    where state = 'available'
      and queue = CAST(:queue AS text)
      and crashes = 0   -- without :suspects
      and crashes > 0   -- with :suspects
      and task not in (select value from {names})   -- with :others
      and priority < CAST(:above AS smallint)   -- with :above
      -- with :after
      and (priority, order_at, id) > (
          CAST(:after_priority AS smallint), {at}(CAST(:after_at AS bigint)), CAST(:after_id AS bigint)
      )
      -- end
    order by priority, order_at, id
    limit CAST(:limit AS bigint) {skip_locked}
))
returning id, task, queue, priority, {micros}(order_at), args, kwargs, meta, {micros}(enqueued_at),
    attempt, failures, skips, crashes, max_attempts
