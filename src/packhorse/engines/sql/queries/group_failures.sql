-- The failed jobs that wait for a person, in groups of equal failures. Reads the index that holds them alone; no lock.
select task, error_type, error_message, reason, count(*), count(taken_at), min(id), max(id),
    {micros}(min(finished_at)), {micros}(max(finished_at))
from {finished}
where state = 'failed' and dismissed_at is null
  and queue = CAST(:queue AS text)   -- with :queue
  and task {matches} CAST(:task AS text)   -- with :task
  and CAST(:key AS text) in (unique_key, serial_key, group_key)   -- with :key
  and error_type = CAST(:error_type AS text)   -- with :error_type
  and coalesce(error_message, reason) {matches} CAST(:message AS text)   -- with :message
  and responsible = CAST(:responsible AS text)   -- with :responsible
  and finished_at <= {now} - CAST(:older_than AS bigint) {us}   -- with :older_than
  and finished_at > {now} - CAST(:newer_than AS bigint) {us}   -- with :newer_than
group by task, error_type, error_message, reason
order by count(*) desc, max(id) desc
limit CAST(:limit AS bigint)
