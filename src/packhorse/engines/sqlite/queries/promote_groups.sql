-- Lets as many jobs of these groups go on as there is room for. Nobody else writes meanwhile.
delete from {start}
where (queue, key) in (select named.queue, named.key from {turns})
  and started_at <= {now} - (select group_rate_period_us from {queue} as record where record.name = {start}.queue);

-- How many of each group may go on: what starts in its period, what has not started yet counted as if it did, keeps the rate.
update {turn} as turn
set next_at = null, room = max(0, min(
    :limit,
    min(coalesce(record.group_max_running, 1000000), case when record.is_fair then :window else 1000000 end) - (
        select count(*) from {job} as member
        where member.queue = turn.queue and member.group_key = turn.key and member.group_place = 0
    ),
    coalesce(record.group_rate_count - (
        select coalesce(sum(past.number), 0) from {start} as past
        where past.queue = turn.queue and past.key = turn.key
    ) - (
        select count(*) from {job} as member
        where member.queue = turn.queue and member.group_key = turn.key and member.group_place = 0 and (
            member.state <> 'executing' or member.started_at > {now} - record.group_rate_period_us
        )
    ), 1000000), (
        select count(*) from (
            select 1 from {job} as waiting
            where {in_line_of_group(waiting, turn)}
            limit :limit
        )
    )
))
from {turns}
left join {queue} as record on record.name = named.queue
where turn.scope = named.scope and turn.queue = named.queue and turn.key = named.key;

update {job}
set group_place = 0, gate = null, waits_for = null,
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
            where {in_line_of_group(waiting, turn)}
            order by coalesce(waiting.group_place, waiting.id)
            limit :limit
        )
    )) as chosen
    where turn.room > 0 and chosen.key < turn.room
)
returning queue   -- with :told
;

-- Those that have used up their rate go on when the first of its starts no longer counts, and those of which more wait than
-- one pass takes at once.
update {turn} as turn
set next_at = case when turn.room >= :limit then {now} else (
    select min(started_at) from (
        select past.started_at from {start} as past where past.queue = turn.queue and past.key = turn.key
        union all
        select member.started_at from {job} as member
        where member.queue = turn.queue and member.group_key = turn.key and member.group_place = 0
          and member.state = 'executing' and member.started_at > {now} - record.group_rate_period_us
    )
) + record.group_rate_period_us end
from {turns}
left join {queue} as record on record.name = named.queue
where turn.scope = named.scope and turn.queue = named.queue and turn.key = named.key
  and (record.group_rate_count is not null or turn.room >= :limit)
  and exists (
      select 1 from {job} as waiting
      where {in_line_of_group(waiting, turn)}
  )
