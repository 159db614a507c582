-- A failed job, dismissed or not. Takes no lock.
select id, task, queue, {micros}(finished_at), attempt, args, kwargs, worker, reason, error_type, error_message,
    error_traceback, responsible, {micros}(taken_at), taken_by, {micros}(dismissed_at), dismissed_by, dismissal
from {finished}
where state = 'failed' and id = CAST(:id AS bigint)
