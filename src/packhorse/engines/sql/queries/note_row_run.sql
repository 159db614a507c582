-- Notes how a run of a processor ended.
update {row_processor}
set last_run_at = {now}, last_us = CAST(:duration AS bigint), last_rows = CAST(:rows AS bigint),
    last_error = CAST(:error AS text), rows_done = rows_done + CAST(:rows AS bigint),
    rows_failed = rows_failed + CAST(:failed AS bigint)
where queue_table = CAST(:table AS text) and processor = CAST(:processor AS text)
