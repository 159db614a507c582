-- Moves failed and cancelled jobs back to the live ones, with fresh counts and unstarted, so that their keys count again,
-- and so do the jobs that they waited for, unless they had gone on.
-- Two operators who retry the same job: the second waits for the first one's lock, and then finds nothing. Locks go by id,
-- and those on unique keys in the order in which producers take them, so that none of them deadlock. One whose unique key
-- is taken does not come into {job}, and so stays where it is.
-- The next end of what comes back is news: some job may wait for it that this statement can't see yet. That they are back is
-- news for the batches that they are in.
with back as materialized (
    select *, case
        when exists (select 1 from {dependency} as needed where needed.job_id = past.id) then 'jobs'
        when serial_key is not null then 'serial' when group_key is not null then 'group'
    end as gate
    from {finished} as past
    where id in (select CAST(value AS bigint) from {ids}) and state in ('failed', 'cancelled')
      and state = 'failed' and dismissed_at is null   -- with :inbox
    order by id
    for update
), came as (
    insert into {job} (id, task, queue, state, waits_for, gate, priority, order_at, expected_at, enqueued_at,
        args, kwargs, meta, max_attempts, attempt, unique_key, unique_until, serial_key, group_key, responsible,
        is_awaited, reason, error_type, error_message, error_traceback)
    select id, task, queue, case when gate is null then 'available' else 'blocked' end, gate, gate,
        priority, coalesce(expected_at, {now}), expected_at, enqueued_at,
        args, kwargs, meta, max_attempts, attempt, unique_key, unique_until, serial_key, group_key, responsible,
        true, CAST(:reason AS text), error_type, error_message, error_traceback
    from back
    order by task collate "C", unique_key collate "C" nulls first, id
    on conflict do nothing
    returning id
), told as (
    insert into {ended} (job_id) select member.job_id from came join {member} as member on member.job_id = came.id
), gone as (
    delete from {finished} where id in (select id from came) returning queue, state
), counted as (
    insert into {tally} (queue, state, kept, ended)
    select queue, state, -count(*), 0 from gone group by queue, state
)
select id from came
