-- Lets as many jobs of these groups go on as there is room for. The groups are locked, so that nobody else does the same. Nobody
-- waits here for a job that somebody is cancelling, or has found by its unique key: it is looked again a little later.
delete from {start}
using {turns}, {queue} as record
where {start}.queue = named.queue and {start}.key = named.key
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
            where {in_line_of_group(waiting, turn)}
            limit CAST(:limit AS bigint)
        ) as ready
    )
))
from {turns}
left join {queue} as record on record.name = named.queue
where turn.scope = named.scope and turn.queue = named.queue and turn.key = named.key;

with promoted as (
    update {job} as job
    set group_place = 0, gate = null, waits_for = null,
        order_at = case when chosen.is_fair then greatest(job.order_at, {now}) else job.order_at end,
        state = case when job.scheduled_at > {now} then 'scheduled' else 'available' end
    from (
        select next.id, coalesce(record.is_fair, false) as is_fair
        from {turns}
        join {turn} as turn on turn.scope = named.scope and turn.queue = named.queue and turn.key = named.key
        left join {queue} as record on record.name = named.queue
        cross join lateral (
            select waiting.id from {job} as waiting
            where {in_line_of_group(waiting, turn)}
            order by coalesce(waiting.group_place, waiting.id)
            limit turn.room
            for update skip locked
        ) as next
    ) as chosen
    where job.id = chosen.id
    returning job.queue, job.group_key
), short as (
    update {turn} as turn
    set room = -1
    from {turns}
    where turn.scope = named.scope and turn.queue = named.queue and turn.key = named.key
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
where turn.scope = named.scope and turn.queue = named.queue and turn.key = named.key
  and (record.group_rate_count is not null or turn.room >= CAST(:limit AS integer) or turn.room < 0)
  and exists (
      select from {job} as waiting
      where {in_line_of_group(waiting, turn)}
  )
