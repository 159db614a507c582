-- Moves failed and cancelled jobs back to the live ones, with fresh counts and unstarted, so that their keys count again,
-- and so do the jobs that they waited for, unless they had gone on.
-- Whoever waits for them hears of their next end, and the batches that they are in hear that they are back.
-- One whose unique key is taken does not come into {job}, and so stays where it is.
insert into {job} (id, task, queue, state, waits_for, gate, priority, order_at, expected_at, enqueued_at,
    args, kwargs, meta, max_attempts, attempt, unique_key, unique_until, serial_key, group_key, responsible,
    is_awaited, reason, error_type, error_message, error_traceback)
select id, task, queue, case when gate is null then 'available' else 'blocked' end, gate, gate,
    priority, coalesce(expected_at, {now}), expected_at, enqueued_at,
    args, kwargs, meta, max_attempts, attempt, unique_key, unique_until, serial_key, group_key, responsible,
    exists (select 1 from {dependency} where on_id = back.id) or exists (select 1 from {member} where job_id = back.id),
    :reason, error_type, error_message, error_traceback
from (
    select *, case
        when exists (select 1 from {dependency} as needed where needed.job_id = past.id) then 'jobs'
        when serial_key is not null then 'serial' when group_key is not null then 'group'
    end as gate
    from {finished} as past
    where id in (select CAST(value AS bigint) from {ids}) and state in ('failed', 'cancelled')
      and state = 'failed' and dismissed_at is null   -- with :inbox
    order by id
) as back
where true
on conflict do nothing;

insert into {ended} (job_id)
select job_id from {member}
where job_id in (select CAST(value AS bigint) from {ids}) and job_id in (select id from {job})
  and job_id in (select id from {finished});

insert into {tally} (queue, state, kept, ended)
select queue, state, -count(*), 0
from {finished}
where id in (select CAST(value AS bigint) from {ids}) and id in (select id from {job})
group by queue, state
on conflict (queue, state) do update set kept = kept + excluded.kept, ended = ended + excluded.ended;

delete from {finished}
where id in (select CAST(value AS bigint) from {ids}) and id in (select id from {job})
returning id
