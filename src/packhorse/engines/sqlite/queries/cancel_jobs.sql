-- Withdraws jobs, in one transaction that alone may write: those that run are asked to stop, and the first asker stays;
-- those that nobody runs move to the finished ones, and what waited for them, or for what they had, is told. A row that
-- comes back says whether its job is gone.
-- with :running
update {job}
set cancel_at = {now}, cancelled_by = :by
where id in (select CAST(value AS bigint) from {ids}) and state = 'executing' and cancel_at is null;
-- end

insert into {finished} (id, task, queue, state, priority, args, kwargs, meta, enqueued_at, order_at, scheduled_at,
    expected_at, started_at, finished_at, attempt, failures, skips, crashes, max_attempts, unique_key, unique_until, serial_key,
    group_key, responsible, reason, error_type, error_message, error_traceback)
select id, task, queue, 'cancelled', priority, args, kwargs, meta, enqueued_at, order_at, scheduled_at,
    expected_at, started_at, {now}, attempt, failures, skips, crashes, max_attempts,
    unique_key, unique_until, serial_key, group_key, responsible, :reason,
    error_type, error_message, error_traceback
from {job}
where id in (select CAST(value AS bigint) from {ids}) and state in ('blocked', 'scheduled', 'available');

insert into {tally} (queue, state, kept, ended)
select queue, 'cancelled', count(*), count(*)
from {job}
where id in (select CAST(value AS bigint) from {ids}) and state in ('blocked', 'scheduled', 'available')
group by queue
on conflict (queue, state) do update set kept = kept + excluded.kept, ended = ended + excluded.ended;

insert into {ended} (job_id, queue, serial_key, group_key)
select id, queue, case when coalesce(gate, 'group') = 'group' then serial_key end, case when gate is null then group_key end
from {job}
where id in (select CAST(value AS bigint) from {ids}) and state in ('blocked', 'scheduled', 'available')
  and (is_awaited = 1 or serial_key is not null and coalesce(gate, 'group') = 'group' or group_key is not null and gate is null);

delete from {job}
where id in (select CAST(value AS bigint) from {ids}) and state in ('blocked', 'scheduled', 'available')
returning id, 1;

-- with :running
select id, 0 from {job}
where id in (select CAST(value AS bigint) from {ids}) and state = 'executing'
-- end
