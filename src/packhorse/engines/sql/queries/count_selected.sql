-- How many jobs somebody has selected, and the highest id among them, so that whoever acts on them leaves out what came
-- later. Reads what it must, once, and takes no lock.
with selected as (
    select task, queue, state, id from {job}
    where id > 0
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
    union all
    select task, queue, state, id from {finished}
    where id > 0
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
)
select task, queue, state, count(*), max(id) from selected group by task, queue, state order by task, queue, state
