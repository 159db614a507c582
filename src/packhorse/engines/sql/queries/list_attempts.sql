-- The runs of a job that did not succeed, in order.
select job_id, attempt, worker, {micros}(started_at), {micros}(ended_at), outcome, reason,
    error_type, error_message, error_traceback
from {attempt}
where job_id = CAST(:id AS bigint)
order by attempt, ended_at
