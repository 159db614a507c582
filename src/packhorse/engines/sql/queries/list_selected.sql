-- A chunk of the jobs that somebody has selected, by id from the lowest: each table is walked up its primary key, or up the
-- index of what did not succeed, and left after :limit rows. Takes no lock: whoever acts on them looks again.
with live as (
    select id from {job} as job
    where id > CAST(:after_id AS bigint)
      and 1 = 0   -- without :live
      and id <= CAST(:until_id AS bigint)   -- with :until_id
      and state in (select value from {names})   -- with :names
      and waits_for = 'hold'   -- with :held
      and coalesce(waits_for, '') <> 'hold'   -- with :unheld
      and {fits(job, job.enqueued_at)}
    order by id
    limit CAST(:limit AS bigint)
), past as (
    select id from {finished} as past
    where id > CAST(:after_id AS bigint)
      and 1 = 0   -- without :finished
      and state <> 'succeeded'   -- with :unsuccessful
      and id <= CAST(:until_id AS bigint)   -- with :until_id
      and state in (select value from {names})   -- with :names
      and state = 'failed' and dismissed_at is null   -- with :open
      and {fits(past, past.finished_at)}
    order by id
    limit CAST(:limit AS bigint)
)
select id from live
union all
select id from past
order by 1
limit CAST(:limit AS bigint)
