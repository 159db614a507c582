-- Failed jobs that wait for a person, the newest first: down the index that holds them alone. Takes no lock.
select id, task, queue, {micros}(finished_at), attempt, args, kwargs, worker, reason, error_type, error_message,
    error_traceback, responsible, {micros}(taken_at), taken_by, {micros}(dismissed_at), dismissed_by, dismissal
from {finished} as past
where state = 'failed'
  and dismissed_at is null   -- without :dismissed
  and dismissed_at is not null   -- with :dismissed
  and id < CAST(:before_id AS bigint)   -- with :before_id
  and {fits(past, past.finished_at)}
order by id desc
limit CAST(:limit AS bigint)
