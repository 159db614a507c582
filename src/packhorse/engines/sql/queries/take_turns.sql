-- Locks the keys that fresh jobs want, and those of which more may go on now, for the transaction in which it is settled
-- who is next. What somebody else has locked is passed over: they, or the next who looks, will settle it.
insert into {turn} (scope, queue, key)
select distinct gate, case gate when 'group' then queue else '' end, case gate when 'group' then group_key else serial_key end
from (
    select gate, queue, serial_key, group_key from {job}
    where is_fresh and gate in ('serial', 'group')
    order by id
    limit CAST(:limit AS bigint)
) as fresh
where true
order by 1, 2, 3
on conflict do nothing;

with wanted (scope, queue, key) as (
    select gate, case gate when 'group' then queue else '' end, case gate when 'group' then group_key else serial_key end
    from (
        select gate, queue, serial_key, group_key from {job}
        where is_fresh and gate in ('serial', 'group')
        order by id
        limit CAST(:limit AS bigint)
    ) as fresh
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
