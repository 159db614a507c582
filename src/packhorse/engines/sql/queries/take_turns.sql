-- Locks the keys that fresh jobs want, and those of which more may go on now, for the transaction in which it is settled
-- who is next. What somebody else has locked is passed over: they, or the next who looks, will settle it.
with fresh (scope, queue, key) as (
    select 'serial', '', serial_key
    from (
        select serial_key from {job} where is_fresh and gate = 'serial' order by id limit CAST(:limit AS bigint)
    ) as one
    union
    select 'group', queue, group_key
    from (
        select queue, group_key from {job} where is_fresh and gate = 'group' order by id limit CAST(:limit AS bigint)
    ) as one
)
insert into {turn} (scope, queue, key)
select scope, queue, key from fresh
where not exists (
    select 1 from {turn} as turn
    where turn.scope = fresh.scope and turn.queue = fresh.queue and turn.key = fresh.key
)
order by scope, queue, key
on conflict do nothing;

with fresh (scope, queue, key) as (
    select 'serial', '', serial_key
    from (
        select serial_key from {job} where is_fresh and gate = 'serial' order by id limit CAST(:limit AS bigint)
    ) as one
    union
    select 'group', queue, group_key
    from (
        select queue, group_key from {job} where is_fresh and gate = 'group' order by id limit CAST(:limit AS bigint)
    ) as one
), wanted (scope, queue, key) as (
    select scope, queue, key from fresh
    union
    select scope, queue, key
    from (
        select scope, queue, key from {turn}
        where next_at is not null and next_at <= {now}
        order by next_at
        limit CAST(:limit AS bigint)
    ) as due
)
select turn.scope, turn.queue, turn.key
from wanted join {turn} as turn on turn.scope = wanted.scope and turn.queue = wanted.queue and turn.key = wanted.key
order by 1, 2, 3
{skip_locked_turn}
