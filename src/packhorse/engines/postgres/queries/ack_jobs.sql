-- Records how runs ended, all in one statement. Every part is guarded by the lease: a row that was rescued meanwhile is
-- neither moved nor changed, and its id does not come back. A row that somebody else has locked is waited for (the
-- rescuer, or an operator; briefly); acks come in order of lease and id, as those of succeed_jobs.sql do, so that
-- batches that overlap hardly ever deadlock.
-- Rows must be found by their id. So the lease is compared by `is not distinct from`, which no index serves, and the
-- state not at all: only an executing row has a lease, by a CHECK. Otherwise, where the statistics were taken while
-- nothing was executing, the planner would walk all executing rows once for each ack.
with ack as materialized (
    select * from json_to_recordset(CAST(CAST(:acks AS text) AS json)) as ack (
        id bigint, worker bigint, number bigint, state text, outcome text, attempt integer, failures integer,
        skips integer, crashes integer, delay bigint, reason text, result text,
        error_type text, error_message text, error_traceback text, responsible text,
        dismissal text
    )
)
-- with :final
, gone as (
    delete from {job} as job
    using ack
    where job.id = ack.id
      and job.worker_id is not distinct from ack.worker and job.lease_number is not distinct from ack.number
      and ack.state in ('succeeded', 'failed', 'cancelled')
    returning job.id, job.task, job.queue, job.priority, job.args, job.kwargs, job.meta, job.enqueued_at, job.order_at,
        job.scheduled_at, job.expected_at, job.started_at, job.max_attempts,
        job.unique_key, job.unique_until, job.serial_key, job.group_key,
        coalesce(job.responsible, ack.responsible) as responsible, job.is_awaited,
        job.error_type as last_type, job.error_message as last_message, job.error_traceback as last_traceback,
        ack.worker, ack.number, ack.state, ack.attempt, ack.failures, ack.skips, ack.crashes, ack.reason, ack.result,
        ack.error_type, ack.error_message, ack.error_traceback, ack.dismissal,
        ack.error_type is null and ack.state <> 'succeeded' as keeps_error,
        ack.state <> 'succeeded' or ack.failures + ack.skips + ack.crashes > 0
            or job.queue not in (select name from {queue} where keep_succeeded_us = 0) as is_kept
), counted as (
    insert into {tally} (queue, state, kept, ended)
    select queue, state, count(*) filter (where is_kept), count(*) from gone group by queue, state
), moved as (
    insert into {finished} (id, task, queue, state, priority, args, kwargs, meta, enqueued_at, order_at, scheduled_at,
        expected_at, started_at, finished_at, attempt, failures, skips, crashes, max_attempts, unique_key, unique_until,
        serial_key, group_key, responsible, worker, reason, result, error_type, error_message, error_traceback,
        dismissed_at, dismissed_by, dismissal)
    select id, task, queue, state, priority, args, kwargs, meta, enqueued_at, order_at, scheduled_at,
        expected_at, started_at, {now}, attempt, failures, skips, crashes, max_attempts,
        unique_key, unique_until, serial_key, group_key, responsible,
        (select name from {worker} as holder where holder.id = gone.worker), reason, result,
        case when keeps_error then last_type else error_type end,
        case when keeps_error then last_message else error_message end,
        case when keeps_error then last_traceback else error_traceback end,
        case when dismissal is not null then {now} end, case when dismissal is not null then task end, dismissal
    from gone
    where is_kept
), announced as (
    insert into {ended} (job_id) select id from gone where is_awaited returning job_id
), told as (
    select pg_notify({channel}, '')
    where exists (select from announced) and exists (select from {worker} where wants_hints and expires_at > {now})
)
-- end
-- The responsible person of a job that has failed is told by a job, if some worker knows how.
-- with :failed
, noticed as (
    insert into {job} (task, queue, state, priority, order_at, enqueued_at, args)
    select 'packhorse.notice', queue, 'available', 3, {now}, {now}, CAST(json_build_array(id, responsible) AS text)
    from gone
    where state = 'failed' and responsible is not null
      and exists (select from {worker_task} where task = 'packhorse.notice')
)
-- end
-- with :live
, kept as (
    update {job} as job
    set state = ack.state, worker_id = null, lease_number = null, attempt = ack.attempt, failures = ack.failures,
        skips = ack.skips, crashes = ack.crashes, reason = ack.reason,
        waits_for = case when ack.state = 'blocked' then 'task' end, has_permit = false,
        gate = case when ack.state <> 'available' and group_key is not null then 'group' end,
        group_place = case when ack.state = 'available' then group_place end,
        scheduled_at = case when ack.state = 'scheduled' then {now} + coalesce(ack.delay, 0) {us} else scheduled_at end,
        order_at = case when ack.state = 'scheduled' then {now} + coalesce(ack.delay, 0) {us} else order_at end,
        error_type = case when ack.error_type is null then job.error_type else ack.error_type end,
        error_message = case when ack.error_type is null then job.error_message else ack.error_message end,
        error_traceback = case when ack.error_type is null then job.error_traceback else ack.error_traceback end
    from ack
    where job.id = ack.id
      and job.worker_id is not distinct from ack.worker and job.lease_number is not distinct from ack.number
      and ack.state in ('scheduled', 'available', 'blocked')
      and job.cancel_at is null
    returning job.id, job.started_at, ack.worker, ack.number
)
-- end
, accepted as (
    select id, started_at, worker, number from gone   -- with :final
    union all   -- with :final :live
    select id, started_at, worker, number from kept   -- with :live
)
-- with :recorded
, recorded as (
    insert into {attempt} (job_id, attempt, worker, started_at, ended_at, outcome, reason,
        error_type, error_message, error_traceback)
    select id, ack.attempt, (select name from {worker} as holder where holder.id = worker), accepted.started_at, {now},
        ack.outcome, ack.reason, ack.error_type, ack.error_message, ack.error_traceback
    from accepted join ack using (id, worker, number)
    where ack.outcome in ('retry', 'skip', 'fail', 'cancel', 'crash')
)
-- end
-- with :available
, hint as (
    select pg_notify({channel}, '')
    where exists (select from {worker} where wants_hints and expires_at > {now})
)
-- end
select id from accepted   -- without :fenced
select {schema}.held(max(id)) from accepted   -- with :fenced
where 0 = 0
  and (select count(*) from hint) >= 0   -- with :available
  and (select count(*) from told) >= 0   -- with :final
