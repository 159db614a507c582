-- Failed jobs that wait for a person, the newest first: down the index that holds them alone. Takes no lock.
select id, task, queue, {micros}(finished_at), attempt, args, kwargs, worker, reason, error_type, error_message,
    error_traceback, responsible, {micros}(taken_at), taken_by, {micros}(dismissed_at), dismissed_by, dismissal
from {finished}
where state = 'failed'
  and dismissed_at is null   -- without :dismissed
  and dismissed_at is not null   -- with :dismissed
  and id < CAST(:before_id AS bigint)   -- with :before_id
  and queue = CAST(:queue AS text)   -- with :queue
  and task {matches} CAST(:task AS text)   -- with :task
  and CAST(:key AS text) in (unique_key, serial_key, group_key)   -- with :key
  and error_type = CAST(:error_type AS text)   -- with :error_type
  and coalesce(error_message, reason) {matches} CAST(:message AS text)   -- with :message
  and responsible = CAST(:responsible AS text)   -- with :responsible
  and finished_at <= {now} - CAST(:older_than AS bigint) {us}   -- with :older_than
  and finished_at > {now} - CAST(:newer_than AS bigint) {us}   -- with :newer_than
order by id desc
limit CAST(:limit AS bigint)
