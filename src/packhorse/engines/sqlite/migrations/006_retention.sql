-- What counting live jobs and forgetting finished ones reads; see docs/retention.md.
-- oldest_supported: 6

create index packhorse_job_waiting on {job} (queue, state) where state in ('blocked', 'scheduled');
create index packhorse_finished_dismissed on {finished} (queue, dismissed_at) where dismissed_at is not null;
