-- Records a row that was worked on for the first time, in the transaction that removes it.
insert into {row_end} (queue_table, row_key, outcome, processor, attempts, data, log, worker, job_id, duration_us, ended_at)
values (CAST(:table AS text), CAST(:key AS text), 'success', CAST(:processor AS text), 1, CAST(:data AS text), CAST(:log AS text),
    CAST(:name AS text), CAST(:job AS bigint), CAST(:duration AS bigint), {now})
