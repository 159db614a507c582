-- Lets the next jobs of these keys go on: that of a serial key where nobody has it, and of a group as many as there is
-- room for. Nobody else writes meanwhile.
update {turn} as turn
set holder = coalesce((
    select next.id from {job} as next
    where next.serial_key = turn.key and next.waits_for = 'serial' and next.serial_place is not null
    order by next.serial_place, next.id
    limit 1
), holder)
where scope = 'serial' and queue = '' and key in (select named.key from {turns} where named.scope = 'serial')
  and not exists (
      select 1 from {job} as holding
      where holding.id = turn.holder and coalesce(holding.gate, '') not in ('jobs', 'serial')
  );

update {job}
set is_fresh = group_key is not null, gate = case when group_key is not null then 'group' end,
    waits_for = case when group_key is not null then 'group' end,
    state = case when group_key is not null then 'blocked' when scheduled_at > {now} then 'scheduled' else 'available' end
where id in (
    select turn.holder
    from {turns}
    join {turn} as turn on turn.scope = named.scope and turn.queue = named.queue and turn.key = named.key
    where named.scope = 'serial'
) and +waits_for = 'serial'
returning queue   -- with :told
;

-- with :groups
update {turn} as turn
set tokens = filled.tokens, refilled_at = {now}, next_at = null, room = max(0, min(
    :limit, filled.places - (
        select count(*) from {job} as holder
        where holder.queue = turn.queue and holder.group_key = turn.key and holder.group_place = 0
    ), CAST(coalesce(filled.tokens, 1000000) AS integer), (
        select count(*) from (
            select 1 from {job} as waiting
            where waiting.queue = turn.queue and waiting.group_key = turn.key and waiting.group_place > 0
              and waiting.waits_for = 'group'
            limit :limit
        )
    )
))
from (
    select named.queue as queue, named.key as key,
        min(coalesce(record.group_max_running, 1000000), case when record.is_fair then :window else 1000000 end) as places,
        min(record.group_rate_count, coalesce(held.tokens, record.group_rate_count)
            + max(0, {now} - held.refilled_at) * CAST(record.group_rate_count AS real) / record.group_rate_period_us
        ) as tokens
    from {turns}
    join {turn} as held on held.scope = named.scope and held.queue = named.queue and held.key = named.key
    left join {queue} as record on record.name = named.queue
    where named.scope = 'group'
) as filled
where turn.scope = 'group' and turn.queue = filled.queue and turn.key = filled.key;

update {job}
set group_place = 0, is_fresh = 0, gate = null, waits_for = null,
    order_at = case when (select is_fair from {queue} as record where record.name = {job}.queue)
        then max(order_at, {now}) else order_at end,
    state = case when scheduled_at > {now} then 'scheduled' else 'available' end
where id in (
    select chosen.value
    from {turns}
    join {turn} as turn on turn.scope = named.scope and turn.queue = named.queue and turn.key = named.key
    cross join json_each((
        select json_group_array(id) from (
            select waiting.id from {job} as waiting
            where waiting.queue = turn.queue and waiting.group_key = turn.key and waiting.group_place > 0
              and waiting.waits_for = 'group'
            order by waiting.group_place
            limit :limit
        )
    )) as chosen
    where named.scope = 'group' and turn.room > 0 and chosen.key < turn.room
)
returning queue   -- with :told
;

-- Those that have used up their rate go on when the next token is there; those of which more wait than one pass takes, soon.
update {turn} as turn
set tokens = tokens - room, next_at = case when not exists (
        select 1 from {job} as waiting
        where waiting.queue = turn.queue and waiting.group_key = turn.key and waiting.group_place > 0
          and waiting.waits_for = 'group'
    ) then null when tokens - room < 1 then {now} + CAST(
        (1 - (tokens - room)) * (select group_rate_period_us from {queue} where name = turn.queue)
            / (select group_rate_count from {queue} where name = turn.queue) AS integer) + 1000
    when room >= :limit then {now} end
where scope = 'group' and (queue, key) in (select named.queue, named.key from {turns} where named.scope = 'group')
-- end
