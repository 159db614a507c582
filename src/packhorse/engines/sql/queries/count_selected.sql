-- How many jobs somebody has selected, and the highest id among them, so that whoever acts on them leaves out what came
-- later. Reads what it must, once, and takes no lock.
with selected as (
    select task, queue, state, id from {job} as job
    where {fits(job, job.enqueued_at)}
      and 1 = 0   -- without :live
      and id <= CAST(:until_id AS bigint)   -- with :until_id
      and state in (select value from {names})   -- with :names
      and waits_for = 'hold'   -- with :held
      and coalesce(waits_for, '') <> 'hold'   -- with :unheld
    union all
    select task, queue, state, id from {finished} as past
    where {fits(past, past.finished_at)}
      and 1 = 0   -- without :finished
      and state <> 'succeeded'   -- with :unsuccessful
      and id <= CAST(:until_id AS bigint)   -- with :until_id
      and state in (select value from {names})   -- with :names
      and state = 'failed' and dismissed_at is null   -- with :open
)
select task, queue, state, count(*), max(id) from selected group by task, queue, state order by task, queue, state
