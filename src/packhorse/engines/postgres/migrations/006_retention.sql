-- What counting live jobs and forgetting finished ones reads; see docs/retention.md.
-- oldest_supported: 6

create index job_waiting on {job} (queue, state) where state in ('blocked', 'scheduled');
create index finished_dismissed on {finished} (queue, dismissed_at) where dismissed_at is not null;

-- What was pruned stays at the heads of indexes until vacuum comes round, and looks for the oldest job walk it there. What
-- is only appended is left to the server's own rules: nothing here is read from an index alone.
alter table {finished} set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 10000);
alter table {attempt} set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 10000);
