-- Copies how runs have ended from their jobs, which are pruned one day. Of two that do so at once the second finds nothing.
update {schedule_run}
set started_at = past.begun_at, ended_at = past.finished_at, outcome = past.state, reason = past.why,
    error_type = past.type, error_message = past.message
from (
    select id as past_id, started_at as begun_at, finished_at, state, reason as why, error_type as type,
        error_message as message
    from {finished}
) as past
where past_id = job_id and ended_at is null and id in (select CAST(value AS bigint) from {ids})
returning id;

update {schedule_run}
set ended_at = {now}, outcome = 'deleted'
where ended_at is null
  and id in (select CAST(value AS bigint) from {ids})
  and not exists (select 1 from {job} as live where live.id = job_id)
  and not exists (select 1 from {finished} as past where past.id = job_id)
returning id
