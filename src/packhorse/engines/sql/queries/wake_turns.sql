-- Has it settled who is next of these keys.
update {turn}
set next_at = {now}
where (scope, queue, key) in (
    select turn.scope, turn.queue, turn.key
    from {turns}
    join {turn} as turn on turn.scope = named.scope and turn.queue = named.queue and turn.key = named.key
    order by 1, 2, 3
    {lock_turn}
)
