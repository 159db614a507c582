-- Records rows that were worked on, in the transaction that removes them; what was known against them is forgotten.
insert into {row_end} (queue_table, row_key, outcome, processor, attempts, data, log, worker, job_id, duration_us, ended_at)
select CAST(:table AS text), named.row_key, 'success', CAST(:processor AS text), named.attempt, named.data,
    CAST(:log AS text), CAST(:name AS text), CAST(:job AS bigint), CAST(:duration AS bigint), {now}
from {row_acks};

-- with :suspects
delete from {row_trouble}
where queue_table = CAST(:table AS text) and row_key in (select named.row_key from {row_acks})
-- end
