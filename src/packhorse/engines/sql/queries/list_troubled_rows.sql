-- Rows that have failed and wait in their table, the next one first.
select row_key, failures, skips, crashes, {micros}(retry_at), reason, marked_by is not null
from {row_trouble}
where queue_table = CAST(:table AS text)
order by retry_at, row_key
limit CAST(:limit AS integer)
