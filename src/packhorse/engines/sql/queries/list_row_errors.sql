-- What went wrong with rows, the newest first.
select id, row_key, processor, attempt, outcome, error_type, error_message, error_traceback, data, log, worker, {micros}(occurred_at)
from {row_error}
where queue_table = CAST(:table AS text)
  and row_key = CAST(:key AS text)   -- with :key
order by id desc
limit CAST(:limit AS integer)
