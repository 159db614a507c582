-- Lets the next jobs of these keys go on: that of a serial key where nobody has it, and of a group as many as there is
-- room for. The keys are locked, so that nobody else does the same; a job that somebody is cancelling is passed over.
with chosen as materialized (
    select held.ctid as place, (
        select next.id from {job} as next
        where next.serial_key = held.key and next.waits_for = 'serial' and next.serial_place is not null
        order by next.serial_place
        limit 1
        for update skip locked
    ) as id
    from {turns}
    join {turn} as held on held.scope = named.scope and held.queue = named.queue and held.key = named.key
    where named.scope = 'serial' and not exists (
        select from {job} as holder
        where holder.id = held.holder and coalesce(holder.gate, '') not in ('jobs', 'serial')
    )
), given as (
    update {turn} as turn
    set holder = chosen.id
    from chosen
    where turn.ctid = chosen.place and chosen.id is not null
), promoted as (
    update {job} as job
    set is_fresh = job.group_key is not null,
        gate = case when job.group_key is not null then 'group' end,
        waits_for = case when job.group_key is not null then 'group' end,
        state = case when job.group_key is not null then 'blocked' when job.scheduled_at > {now} then 'scheduled'
            else 'available' end
    where job.id = any (array(select chosen.id from chosen where chosen.id is not null))
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
update {turn} as turn
set tokens = filled.tokens, refilled_at = {now}, next_at = null, room = greatest(0, least(
    CAST(:limit AS integer), filled.places - (
        select count(*) from {job} as holder
        where holder.queue = turn.queue and holder.group_key = turn.key and holder.group_place = 0
    ), floor(coalesce(filled.tokens, 1000000)), (
        select count(*) from (
            select from {job} as waiting
            where waiting.queue = turn.queue and waiting.group_key = turn.key and waiting.group_place > 0
              and waiting.waits_for = 'group'
            limit CAST(:limit AS bigint)
        ) as ready
    )
))
from (
    select named.queue, named.key,
        least(coalesce(record.group_max_running, 1000000), case when record.is_fair then :window else 1000000 end) as places,
        least(record.group_rate_count, coalesce(held.tokens, record.group_rate_count)
            + greatest(0, {micros}({now}) - {micros}(held.refilled_at))
                * CAST(record.group_rate_count AS double precision) / record.group_rate_period_us) as tokens
    from {turns}
    join {turn} as held on held.scope = named.scope and held.queue = named.queue and held.key = named.key
    left join {queue} as record on record.name = named.queue
    where named.scope = 'group'
) as filled
where turn.scope = 'group' and turn.queue = filled.queue and turn.key = filled.key;

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
), spent as (
    update {turn} as turn
    set tokens = tokens - spending.number
    from (select queue, group_key, count(*) as number from promoted group by queue, group_key) as spending
    where turn.scope = 'group' and turn.queue = spending.queue and turn.key = spending.group_key
      and turn.tokens is not null
), hint as (
    select pg_notify({channel}, '')
    where exists (select from promoted) and exists (select from {worker} where wants_hints and expires_at > {now})
)
select queue from promoted   -- with :told
where (select count(*) from hint) >= 0   -- with :told
select queue from promoted where (select count(*) from hint) < 0   -- without :told
;

-- Those that have used up their rate go on when the next token is there; those of which more wait than one pass takes, soon.
update {turn} as turn
set next_at = case
    when turn.tokens < 1 then {now} + ceil((1 - turn.tokens) * record.group_rate_period_us / record.group_rate_count) {us}
    when turn.room >= CAST(:limit AS integer) then {now} end
from {turns}
left join {queue} as record on record.name = named.queue
where named.scope = 'group' and turn.scope = named.scope and turn.queue = named.queue and turn.key = named.key
  and (turn.tokens < 1 or turn.room >= CAST(:limit AS integer))
  and exists (
      select from {job} as waiting
      where waiting.queue = turn.queue and waiting.group_key = turn.key and waiting.group_place > 0
        and waiting.waits_for = 'group'
  )
-- end
