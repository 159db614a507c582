-- The latest runs of one schedule, the latest first, each with what is known of its job. Takes no lock.
select run.id, run.schedule, {micros}(run.tick), run.job_id, {micros}(run.fired_at), run.fired_by, run.skipped,
    {micros}(run.late_at), coalesce(job.state, finished.state, run.outcome, 'deleted'),
    coalesce(job.attempt, finished.attempt, 0),
    {micros}(coalesce(job.started_at, finished.started_at, run.started_at)),
    {micros}(case when job.id is null then coalesce(finished.finished_at, run.ended_at) end),
    coalesce(job.reason, finished.reason, run.reason), coalesce(job.error_type, finished.error_type, run.error_type),
    coalesce(job.error_message, finished.error_message, run.error_message)
from {schedule_run} as run
left join {job} as job on job.id = run.job_id
left join {finished} as finished on finished.id = run.job_id
where run.schedule = CAST(:name AS text)
order by run.id desc
limit CAST(:limit AS bigint)
