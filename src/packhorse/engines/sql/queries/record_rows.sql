-- Records what went wrong with rows, whatever becomes of the transaction in which they were worked on.
insert into {row_trouble} as kept (queue_table, row_key, failures, skips, crashes, retry_at, condemned, reason, processor)
select CAST(:table AS text), named.row_key, named.failures, named.skips, named.crashes, {now} + named.delay {us},
    named.condemned, named.reason, CAST(:processor AS text)
from {row_acks}
where true
on conflict (queue_table, row_key) do update
set failures = excluded.failures, skips = excluded.skips, crashes = excluded.crashes, retry_at = excluded.retry_at,
    condemned = excluded.condemned, reason = excluded.reason, processor = excluded.processor, marked_by = null;

insert into {row_error} (queue_table, row_key, processor, attempt, outcome, error_type, error_message, error_traceback, data, log, worker, occurred_at)
select CAST(:table AS text), named.row_key, CAST(:processor AS text), named.attempt, named.outcome, named.error_type,
    named.error_message, named.error_traceback, named.data, CAST(:log AS text), CAST(:name AS text), {now}
from {row_acks}
where named.error_type is not null
