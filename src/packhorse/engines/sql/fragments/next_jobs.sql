-- (queue_name) The most urgent jobs of a queue that a claim may take, and that nobody else has locked.
-- The partial index on (queue, priority, order_at, id) is walked from its head, or from a place where this worker has been,
-- and left after :limit rows. The queue's own record says down to which priority it may be claimed: not at all while it is
-- paused. It is looked up once, and only read, so that nobody waits for it.
-- A queue with a limit is locked by the statement before this one, so that what runs, and what has started in the period
-- of its rate, is counted exactly.
-- Where priorities age, the head of each priority is read from the same index, and their merged order decides.
-- with :aging
with recursive level (priority) as (
    select (select priority from {job}
            where state = 'available' and queue = {queue_name}
              and crashes = 0   -- without :suspects
              and crashes > 0   -- with :suspects
            order by priority limit 1)
    union all
    select (select job.priority from {job} as job
            where job.state = 'available' and job.queue = {queue_name} and job.priority > level.priority
              and job.crashes = 0   -- without :suspects
              and job.crashes > 0   -- with :suspects
            order by job.priority limit 1)
    from level
    where level.priority is not null
)
select job.{row_id} as id
from level join {job} as job on job.id {any_of}
    select head.id from {job} as head
    where head.state = 'available' and head.queue = {queue_name} and head.priority = level.priority
      and head.crashes = 0   -- without :suspects
      and head.crashes > 0   -- with :suspects
      and head.task not in (select value from {names})   -- with :others
    order by head.order_at, head.id
    limit CAST(:reach AS bigint)
))
where job.state = 'available' and level.priority <= {lowest_priority({queue_name})}
order by job.order_at + (job.priority - 5) * CAST(:step AS bigint) {us}, job.priority, job.id
limit CAST(:limit AS bigint) {skip_locked}   -- without :limited
limit {least}(CAST(:limit AS bigint), {free_permits({queue_name})}) {skip_locked}   -- with :limited
-- end
-- without :aging
select job.{row_id} as id from {job} as job
where {claimable(job, {queue_name})}
  and job.crashes = 0   -- without :suspects
  and job.crashes > 0   -- with :suspects
  and job.task not in (select value from {names})   -- with :others
  and job.priority < CAST(:above AS smallint)   -- with :above
  and (job.priority, job.order_at, job.id) > (   -- with :after
      CAST(:after_priority AS smallint), {at}(CAST(:after_at AS bigint)), CAST(:after_id AS bigint)   -- with :after
  )   -- with :after
order by job.priority, job.order_at, job.id
limit CAST(:limit AS bigint) {skip_locked}   -- without :limited
limit {least}(CAST(:limit AS bigint), {free_permits({queue_name})}) {skip_locked}   -- with :limited
-- end
