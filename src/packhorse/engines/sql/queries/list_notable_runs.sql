-- The runs that something is to be said of: they have ended, or take too long. Walks those whose end has not been recorded,
-- by a partial index. Takes no lock.
select run.id, run.schedule, {micros}(run.tick), run.job_id, {micros}(run.fired_at), run.fired_by, run.skipped,
    {micros}(run.late_at), coalesce(job.state, finished.state, run.outcome, 'deleted'),
    coalesce(job.attempt, finished.attempt, 0),
    {micros}(coalesce(job.started_at, finished.started_at, run.started_at)),
    {micros}(case when job.id is null then coalesce(finished.finished_at, run.ended_at) end),
    coalesce(job.reason, finished.reason, run.reason), coalesce(job.error_type, finished.error_type, run.error_type),
    coalesce(job.error_message, finished.error_message, run.error_message),
    schedule.policy
from {schedule_run} as run
join {schedule} as schedule on schedule.name = run.schedule
left join {job} as job on job.id = run.job_id
left join {finished} as finished on finished.id = run.job_id
where run.ended_at is null
  and (job.id is null or (run.late_at is null and run.alarm_at <= {now}))
order by run.id
limit CAST(:limit AS bigint)
