-- Records how runs ended, in one transaction that alone may write. Every statement is guarded by the lease: a row that
-- was rescued meanwhile is neither moved nor changed, and its id does not come back.

-- with :recorded
insert into {attempt} (job_id, attempt, worker, started_at, ended_at, outcome, reason,
    error_type, error_message, error_traceback)
select job.id, json_extract(value, '$.attempt'), (select name from {worker} where id = job.worker_id), job.started_at, {now},
    json_extract(value, '$.outcome'), json_extract(value, '$.reason'), json_extract(value, '$.error_type'),
    json_extract(value, '$.error_message'), json_extract(value, '$.error_traceback')
from json_each(:acks) cross join {job} as job on job.id = json_extract(value, '$.id')
where job.state = 'executing' and job.worker_id = json_extract(value, '$.worker')
  and job.lease_number = json_extract(value, '$.number')
  and json_extract(value, '$.outcome') in ('retry', 'skip', 'fail', 'cancel', 'crash')
  and (job.cancel_at is null or json_extract(value, '$.state') in ('succeeded', 'failed', 'cancelled'));
-- end

-- The responsible person of a job that has failed is told by a job, if some worker knows how.
-- with :failed
insert into {job} (task, queue, state, priority, order_at, enqueued_at, args)
select 'packhorse.notice', job.queue, 'available', 3, {now}, {now},
    json_array(job.id, coalesce(job.responsible, json_extract(value, '$.responsible')))
from json_each(:acks) cross join {job} as job on job.id = json_extract(value, '$.id')
where job.state = 'executing' and job.worker_id = json_extract(value, '$.worker')
  and job.lease_number = json_extract(value, '$.number') and json_extract(value, '$.state') = 'failed'
  and coalesce(job.responsible, json_extract(value, '$.responsible')) is not null
  and exists (select 1 from {worker_task} where task = 'packhorse.notice');
-- end

-- with :final
insert into {finished} (id, task, queue, state, priority, args, kwargs, meta, enqueued_at, order_at, scheduled_at,
    expected_at, started_at, finished_at, attempt, failures, skips, crashes, max_attempts, unique_key, unique_until, serial_key,
    group_key, responsible, worker, reason, result, error_type, error_message, error_traceback,
    dismissed_at, dismissed_by, dismissal)
select id, task, queue, ack_state, priority, args, kwargs, meta, enqueued_at, order_at, scheduled_at,
    expected_at, started_at, {now}, json_extract(value, '$.attempt'), json_extract(value, '$.failures'),
    json_extract(value, '$.skips'), json_extract(value, '$.crashes'), max_attempts,
    unique_key, unique_until, serial_key, group_key, coalesce(responsible, json_extract(value, '$.responsible')),
    (select name from {worker} where id = worker_id), json_extract(value, '$.reason'), json_extract(value, '$.result'),
    case when keeps_error then error_type else json_extract(value, '$.error_type') end,
    case when keeps_error then error_message else json_extract(value, '$.error_message') end,
    case when keeps_error then error_traceback else json_extract(value, '$.error_traceback') end,
    case when json_extract(value, '$.dismissal') is not null then {now} end,
    case when json_extract(value, '$.dismissal') is not null then task end, json_extract(value, '$.dismissal')
from (
    select job.*, value, json_extract(value, '$.state') as ack_state,
        json_extract(value, '$.state') <> 'succeeded'
            or json_extract(value, '$.failures') + json_extract(value, '$.skips') + json_extract(value, '$.crashes') > 0
            or job.queue not in (select name from {queue} where keep_succeeded_us = 0) as is_kept,
        json_extract(value, '$.error_type') is null and json_extract(value, '$.state') <> 'succeeded' as keeps_error
    from json_each(:acks) cross join {job} as job on job.id = json_extract(value, '$.id')
    where job.state = 'executing' and job.worker_id = json_extract(value, '$.worker')
      and job.lease_number = json_extract(value, '$.number')
)
where is_kept and ack_state in ('succeeded', 'failed', 'cancelled');

-- Until they are deleted from the one table, the jobs of this batch, and no others, are in both.
insert into {tally} (queue, state, kept, ended)
select past.queue, past.state, count(*), count(*)
from json_each(:acks) cross join {finished} as past on past.id = json_extract(value, '$.id')
where exists (select 1 from {job} as job where job.id = past.id)
group by past.queue, past.state
on conflict (queue, state) do update set kept = kept + excluded.kept, ended = ended + excluded.ended;

insert into {tally} (queue, state, kept, ended)
select job.queue, 'succeeded', 0, count(*)
from json_each(:acks) cross join {job} as job on job.id = json_extract(value, '$.id')
where exists (select 1 from {queue} where keep_succeeded_us = 0)
  and job.state = 'executing' and job.worker_id = json_extract(value, '$.worker')
  and job.lease_number = json_extract(value, '$.number') and json_extract(value, '$.state') = 'succeeded'
  and not exists (select 1 from {finished} as past where past.id = job.id)
group by job.queue
on conflict (queue, state) do update set kept = kept + excluded.kept, ended = ended + excluded.ended;

insert into {ended} (job_id)
select job.id
from json_each(:acks) cross join {job} as job on job.id = json_extract(value, '$.id')
where job.is_awaited = 1 and job.state = 'executing' and job.worker_id = json_extract(value, '$.worker')
  and job.lease_number = json_extract(value, '$.number')
  and json_extract(value, '$.state') in ('succeeded', 'failed', 'cancelled');

delete from {job}
where id in (
    select job.id
    from json_each(:acks) cross join {job} as job on job.id = json_extract(value, '$.id')
    where job.state = 'executing' and job.worker_id = json_extract(value, '$.worker')
      and job.lease_number = json_extract(value, '$.number')
      and json_extract(value, '$.state') in ('succeeded', 'failed', 'cancelled')
)
returning id;
-- end

-- with :live
update {job}
set state = ack.state, worker_id = null, lease_number = null, attempt = ack.attempt, failures = ack.failures,
    skips = ack.skips, crashes = ack.crashes, reason = ack.reason,
    waits_for = case when ack.state = 'blocked' then 'task' end, has_permit = 0,
    gate = case when ack.state <> 'available' and group_key is not null then 'group' end,
    group_place = case when ack.state = 'available' then group_place end,
    scheduled_at = case when ack.state = 'scheduled' then {now} + coalesce(ack.delay, 0) else scheduled_at end,
    order_at = case when ack.state = 'scheduled' then {now} + coalesce(ack.delay, 0) else order_at end,
    error_type = case when ack.new_type is null then error_type else ack.new_type end,
    error_message = case when ack.new_type is null then error_message else ack.new_message end,
    error_traceback = case when ack.new_type is null then error_traceback else ack.new_traceback end
from (
    select json_extract(value, '$.id') as ack_id,
        json_extract(value, '$.worker') as worker,
        json_extract(value, '$.number') as number,
        json_extract(value, '$.state') as state,
        json_extract(value, '$.attempt') as attempt,
        json_extract(value, '$.failures') as failures,
        json_extract(value, '$.skips') as skips,
        json_extract(value, '$.crashes') as crashes,
        json_extract(value, '$.delay') as delay,
        json_extract(value, '$.reason') as reason,
        json_extract(value, '$.error_type') as new_type,
        json_extract(value, '$.error_message') as new_message,
        json_extract(value, '$.error_traceback') as new_traceback
    from json_each(:acks)
) as ack
where id = ack.ack_id and {job}.state = 'executing' and worker_id = ack.worker and lease_number = ack.number
  and cancel_at is null
  and ack.state in ('scheduled', 'available', 'blocked')
returning id
-- end
