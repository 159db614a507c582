-- Schedules with their latest run: all of them, those of some names, or those that may have something to do. Takes no lock.
select schedule.name, schedule.rule, schedule.job, schedule.policy, schedule.fingerprint, schedule.former,
    case when schedule.is_declared then 1 else 0 end, schedule.owner, schedule.revision, {micros}(schedule.changed_at),
    schedule.changed_by, {micros}(schedule.settled_at), {micros}(schedule.next_at), schedule.waiting,
    {micros}(schedule.missed_at), {micros}(schedule.undeclared_at), {micros}(schedule.paused_at), schedule.paused_by,
    schedule.pause_reason, {micros}({now}),
    (select CAST({json_list}(live.id) AS text)
     from {schedule_run} as begun join {job} as live on live.id = begun.job_id
     where begun.schedule = schedule.name),
    run.id, run.schedule, {micros}(run.tick), run.job_id, {micros}(run.fired_at), run.fired_by, run.skipped,
    {micros}(run.late_at), coalesce(job.state, finished.state, run.outcome, 'deleted'),
    coalesce(job.attempt, finished.attempt, 0),
    {micros}(coalesce(job.started_at, finished.started_at, run.started_at)),
    {micros}(case when job.id is null then coalesce(finished.finished_at, run.ended_at) end),
    coalesce(job.reason, finished.reason, run.reason), coalesce(job.error_type, finished.error_type, run.error_type),
    coalesce(job.error_message, finished.error_message, run.error_message)
from {schedule} as schedule
left join {schedule_run} as run
    on run.id = (select max(latest.id) from {schedule_run} as latest where latest.schedule = schedule.name)
left join {job} as job on job.id = run.job_id
left join {finished} as finished on finished.id = run.job_id
where 1 = 1
  and schedule.name in (select value from {names})   -- with :names
  -- with :due
  and schedule.paused_at is null and schedule.undeclared_at is null
  and (schedule.next_at <= {now} or schedule.waiting <> '[]'
       or schedule.settled_at > {now} + CAST(:correction AS bigint) {us})
  -- end
order by schedule.next_at, schedule.name   -- with :due
order by schedule.name   -- without :due
limit CAST(:limit AS bigint)   -- with :due
