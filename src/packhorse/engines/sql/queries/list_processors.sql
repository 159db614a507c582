-- The processors that there are, by table.
select queue_table, processor, queue, {micros}(declared_at), {micros}(last_run_at), last_us, last_rows, last_error, rows_done, rows_failed
from {row_processor}
order by queue_table, processor
