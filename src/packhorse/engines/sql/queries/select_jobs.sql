-- Jobs for people to look at: one by id, or a page of them, the newest first. Takes no lock.
-- Each table is walked down its primary key and left after a page; for what did not succeed, which is rare among what is
-- kept, an index of its own is.
with live as (
    select id, task, queue, state, priority, args, kwargs, meta, {micros}(enqueued_at), {micros}(order_at),
        {micros}(scheduled_at), {micros}(expected_at), {micros}(started_at), CAST(null AS bigint),
        attempt, failures, skips, crashes, max_attempts,
        (select worker.name from {worker} as worker where worker.id = job.worker_id),
        reason, error_type, error_message, error_traceback, CAST(null AS text),
        waits_for, unique_key, serial_key, group_key, responsible, {micros}(cancel_at), cancelled_by
    from {job} as job
    where id > 0
      and 1 = 0   -- without :live
      and id = CAST(:id AS bigint)   -- with :id
      and id < CAST(:before_id AS bigint)   -- with :before_id
      and state = CAST(:state AS text)   -- with :state
      and queue = CAST(:queue AS text)   -- with :queue
      and task {matches} CAST(:task AS text)   -- with :task
      and CAST(:key AS text) in (unique_key, serial_key, group_key)   -- with :key
      -- with :record_key
      and {is_about(job)}
      -- end
      -- with :batch
      and id {any_of} select job_id as id from {member} where batch_id = CAST(:batch AS bigint) ))
      -- end
      -- with :correlation
      and id {any_of} select job_id as id from {package} where correlation = CAST(:correlation AS text) ))
      -- end
    order by id desc
    limit CAST(:limit AS bigint)
), past as (
    select id, task, queue, state, priority, args, kwargs, meta, {micros}(enqueued_at), {micros}(order_at),
        {micros}(scheduled_at), {micros}(expected_at), {micros}(started_at), {micros}(finished_at),
        attempt, failures, skips, crashes, max_attempts,
        worker, reason, error_type, error_message, error_traceback, result,
        null, unique_key, serial_key, group_key, responsible, CAST(null AS bigint), null
    from {finished} as past
    where id > 0
      and 1 = 0   -- without :finished
      and state <> 'succeeded'   -- with :unsuccessful
      and id = CAST(:id AS bigint)   -- with :id
      and id < CAST(:before_id AS bigint)   -- with :before_id
      and state = CAST(:state AS text)   -- with :state
      and queue = CAST(:queue AS text)   -- with :queue
      and task {matches} CAST(:task AS text)   -- with :task
      and CAST(:key AS text) in (unique_key, serial_key, group_key)   -- with :key
      -- with :record_key
      and {is_about(past)}
      -- end
      -- with :batch
      and id {any_of} select job_id as id from {member} where batch_id = CAST(:batch AS bigint) ))
      -- end
      -- with :correlation
      and id {any_of} select job_id as id from {package} where correlation = CAST(:correlation AS text) ))
      -- end
    order by id desc
    limit CAST(:limit AS bigint)
)
select * from live
union all
select * from past
order by 1 desc
limit CAST(:limit AS bigint)
