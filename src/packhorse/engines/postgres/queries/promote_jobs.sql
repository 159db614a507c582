-- Lets the next jobs of these keys go on: that of a serial key where nobody has it, and of a group as many as there is
-- room for. The keys are locked, so that nobody else does the same. Nobody waits here for a job that somebody is cancelling, or
-- has found by its unique key, and at the head of its line nobody overtakes it: it is looked again a little later.
-- with :told
update {turn}
set next_at = null
where next_at is not null and next_at <= {now} and scope = 'serial'
  and (key in (select named.key from {turns} where named.scope = 'serial')) is true;
-- end

with chosen as materialized (
    select held.ctid as place, next.id, next.ctid as row
    from {turns}
    join {turn} as held on held.scope = named.scope and held.queue = named.queue and held.key = named.key
    left join lateral (
        select head.id, head.ctid from {job} as head
        where head.id = (
            select waiting.id from {job} as waiting
            where waiting.serial_key = held.key and waiting.waits_for = 'serial' and waiting.serial_place is not null
            order by waiting.serial_place
            limit 1
        ) and head.waits_for = 'serial'
        for update skip locked
    ) as next on true
    where named.scope = 'serial' and not exists (
        select from {job} as holder
        where holder.id = held.holder and coalesce(holder.gate, '') not in ('jobs', 'serial')
    )
), given as (
    update {turn} as turn
    set holder = coalesce(chosen.id, turn.holder),
        next_at = case when chosen.id is null then {now} + interval '250 milliseconds' end
    from chosen
    where turn.ctid = chosen.place and (chosen.id is not null or exists (
        select from {job} as waiting
        where waiting.serial_key = turn.key and waiting.waits_for = 'serial' and waiting.serial_place is not null
    ))
), promoted as (
    update {job} as job
    set is_fresh = job.group_key is not null,
        gate = case when job.group_key is not null then 'group' end,
        waits_for = case when job.group_key is not null then 'group' end,
        state = case when job.group_key is not null then 'blocked' when job.scheduled_at > {now} then 'scheduled'
            else 'available' end
    from chosen
    where job.ctid = chosen.row
    returning job.queue
), hint as (
    select pg_notify({channel}, '')
    where exists (select from promoted) and exists (select from {worker} where wants_hints and expires_at > {now})
)
select queue from promoted   -- with :told
where (select count(*) from hint) >= 0   -- with :told
select queue from promoted where (select count(*) from hint) < 0   -- without :told
;

-- with :groups
delete from {start}
using {turns}, {queue} as record
where named.scope = 'group' and {start}.queue = named.queue and {start}.key = named.key
  and record.name = named.queue and {start}.started_at <= {now} - record.group_rate_period_us {us};

-- How many of each group may go on: what starts in its period, what has not started yet counted as if it did, keeps the rate.
update {turn} as turn
set next_at = null, room = greatest(0, least(
    CAST(:limit AS integer),
    least(record.group_max_running, case when record.is_fair then CAST(:window AS integer) end) - (
        select count(*) from {job} as member
        where member.queue = turn.queue and member.group_key = turn.key and member.group_place = 0
    ),
    record.group_rate_count - (
        select coalesce(sum(past.number), 0) from {start} as past
        where past.queue = turn.queue and past.key = turn.key
    ) - (
        select count(*) from {job} as member
        where member.queue = turn.queue and member.group_key = turn.key and member.group_place = 0 and (
            member.state <> 'executing' or member.started_at > {now} - record.group_rate_period_us {us}
        )
    ), (
        select count(*) from (
            select from {job} as waiting
            where waiting.queue = turn.queue and waiting.group_key = turn.key and waiting.group_place > 0
              and waiting.waits_for = 'group'
            limit CAST(:limit AS bigint)
        ) as ready
    )
))
from {turns}
left join {queue} as record on record.name = named.queue
where named.scope = 'group' and turn.scope = named.scope and turn.queue = named.queue and turn.key = named.key;

with promoted as (
    update {job} as job
    set group_place = 0, is_fresh = false, gate = null, waits_for = null,
        order_at = case when chosen.is_fair then greatest(job.order_at, {now}) else job.order_at end,
        state = case when job.scheduled_at > {now} then 'scheduled' else 'available' end
    from (
        select next.id, coalesce(record.is_fair, false) as is_fair
        from {turns}
        join {turn} as turn on turn.scope = named.scope and turn.queue = named.queue and turn.key = named.key
        left join {queue} as record on record.name = named.queue
        cross join lateral (
            select waiting.id from {job} as waiting
            where waiting.queue = turn.queue and waiting.group_key = turn.key and waiting.group_place > 0
              and waiting.waits_for = 'group'
            order by waiting.group_place
            limit turn.room
            for update skip locked
        ) as next
        where named.scope = 'group'
    ) as chosen
    where job.id = chosen.id
    returning job.queue, job.group_key
), short as (
    update {turn} as turn
    set room = -1
    from {turns}
    where named.scope = 'group' and turn.scope = named.scope and turn.queue = named.queue and turn.key = named.key
      and turn.room > 0 and (turn.queue, turn.key, turn.room) not in (
          select promoted.queue, promoted.group_key, CAST(count(*) AS integer) from promoted group by 1, 2
      )
), hint as (
    select pg_notify({channel}, '')
    where exists (select from promoted) and exists (select from {worker} where wants_hints and expires_at > {now})
)
select queue from promoted   -- with :told
where (select count(*) from hint) >= 0   -- with :told
select queue from promoted where (select count(*) from hint) < 0   -- without :told
;

-- Those that have used up their rate go on when the first of its starts no longer counts, and those of which more wait than
-- one pass takes at once.
update {turn} as turn
set next_at = case when turn.room < 0 then {now} + interval '250 milliseconds'
    when turn.room >= CAST(:limit AS integer) then {now} else (
    select min(started_at) from (
        select past.started_at from {start} as past where past.queue = turn.queue and past.key = turn.key
        union all
        select member.started_at from {job} as member
        where member.queue = turn.queue and member.group_key = turn.key and member.group_place = 0
          and member.state = 'executing' and member.started_at > {now} - record.group_rate_period_us {us}
    ) as counted
) + record.group_rate_period_us {us} end
from {turns}
left join {queue} as record on record.name = named.queue
where named.scope = 'group' and turn.scope = named.scope and turn.queue = named.queue and turn.key = named.key
  and (record.group_rate_count is not null or turn.room >= CAST(:limit AS integer) or turn.room < 0)
  and exists (
      select from {job} as waiting
      where waiting.queue = turn.queue and waiting.group_key = turn.key and waiting.group_place > 0
        and waiting.waits_for = 'group'
  )
-- end
