-- A chunk of the jobs that somebody has selected, by id from the lowest: each table is walked up its primary key, or up the
-- index of what did not succeed, and left after :limit rows. Takes no lock: whoever acts on them looks again.
with live as (
    select id from {job}
    where id > CAST(:after_id AS bigint)
      and 1 = 0   -- without :live
      and id <= CAST(:until_id AS bigint)   -- with :until_id
      and state in (select value from {names})   -- with :names
      and waits_for = 'hold'   -- with :held
      and queue = CAST(:queue AS text)   -- with :queue
      and task {matches} CAST(:task AS text)   -- with :task
      and CAST(:key AS text) in (unique_key, serial_key, group_key)   -- with :key
      and error_type = CAST(:error_type AS text)   -- with :error_type
      and coalesce(error_message, reason) {matches} CAST(:message AS text)   -- with :message
      and responsible = CAST(:responsible AS text)   -- with :responsible
      and enqueued_at <= {now} - CAST(:older_than AS bigint) {us}   -- with :older_than
      and enqueued_at > {now} - CAST(:newer_than AS bigint) {us}   -- with :newer_than
    order by id
    limit CAST(:limit AS bigint)
), past as (
    select id from {finished}
    where id > CAST(:after_id AS bigint)
      and 1 = 0   -- without :finished
      and state <> 'succeeded'   -- with :unsuccessful
      and id <= CAST(:until_id AS bigint)   -- with :until_id
      and state in (select value from {names})   -- with :names
      and state = 'failed' and dismissed_at is null   -- with :open
      and queue = CAST(:queue AS text)   -- with :queue
      and task {matches} CAST(:task AS text)   -- with :task
      and CAST(:key AS text) in (unique_key, serial_key, group_key)   -- with :key
      and error_type = CAST(:error_type AS text)   -- with :error_type
      and coalesce(error_message, reason) {matches} CAST(:message AS text)   -- with :message
      and responsible = CAST(:responsible AS text)   -- with :responsible
      and finished_at <= {now} - CAST(:older_than AS bigint) {us}   -- with :older_than
      and finished_at > {now} - CAST(:newer_than AS bigint) {us}   -- with :newer_than
    order by id
    limit CAST(:limit AS bigint)
)
select id from live
union all
select id from past
order by 1
limit CAST(:limit AS bigint)
