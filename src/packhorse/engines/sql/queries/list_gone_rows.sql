-- Rows that have left their table, the newest first.
select id, row_key, outcome, processor, attempts, reason, data, log, worker, duration_us, {micros}(ended_at), decided_by
from {row_end}
where queue_table = CAST(:table AS text)
  and outcome = CAST(:outcome AS text)   -- with :outcome
  and row_key = CAST(:key AS text)   -- with :key
order by id desc
limit CAST(:limit AS integer)
