-- The failed jobs that wait for a person, in groups of equal failures. Reads the index that holds them alone; no lock.
select task, error_type, error_message, reason, count(*), count(taken_at), min(id), max(id),
    {micros}(min(finished_at)), {micros}(max(finished_at))
from {finished} as past
where state = 'failed' and dismissed_at is null
  and {fits(past, past.finished_at)}
group by task, error_type, error_message, reason
order by count(*) desc, max(id) desc
limit CAST(:limit AS bigint)
