-- Has it settled who is next of these keys. They are locked in the order in which acknowledgements lock them.
update {turn}
set next_at = {now}
where (scope, queue, key) in (
    select turn.scope, turn.queue, turn.key
    from {turns}
    join {turn} as turn on turn.scope = named.scope and turn.queue = named.queue and turn.key = named.key
    order by turn.scope {bytewise}, turn.queue {bytewise}, turn.key {bytewise}
    {lock_turn}
)
