-- Locks the keys that jobs have come to, and those of which more may go on now, for the transaction in which it is settled
-- who is next; tells of each whether one has come too late for its id to be its place. What somebody else has locked is passed over:
-- they, or the next who looks, will settle it.
with front as (
    select gate, queue, key, job_id from (
        select gate, queue, key, job_id from {arrival} where gate = 'serial' order by job_id limit CAST(:limit AS bigint)
    ) as one
    union all
    select gate, queue, key, job_id from (
        select gate, queue, key, job_id from {arrival} where gate = 'group' order by job_id limit CAST(:limit AS bigint)
    ) as one
)
insert into {turn} (scope, queue, key)
select gate, queue, key from front
where not exists (
    select 1 from {turn} as turn
    where turn.scope = front.gate and turn.queue = front.queue and turn.key = front.key
)
group by gate, queue, key
order by gate, queue, key
on conflict do nothing;

with front as (
    select gate, queue, key, job_id from (
        select gate, queue, key, job_id from {arrival} where gate = 'serial' order by job_id limit CAST(:limit AS bigint)
    ) as one
    union all
    select gate, queue, key, job_id from (
        select gate, queue, key, job_id from {arrival} where gate = 'group' order by job_id limit CAST(:limit AS bigint)
    ) as one
), wanted (scope, queue, key, first_id) as (
    select scope, queue, key, min(first_id)
    from (
        select gate as scope, queue, key, job_id as first_id from front
        union all
        select scope, queue, key, null
        from (
            select scope, queue, key from {turn}
            where next_at is not null and next_at <= {now}
            order by next_at
            limit CAST(:limit AS bigint)
        ) as due
    ) as one
    group by scope, queue, key
)
select turn.scope, turn.queue, turn.key, coalesce(wanted.first_id <= turn.last_place, {false})
from wanted join {turn} as turn on turn.scope = wanted.scope and turn.queue = wanted.queue and turn.key = wanted.key
order by 1, 2, 3
{skip_locked_turn}
