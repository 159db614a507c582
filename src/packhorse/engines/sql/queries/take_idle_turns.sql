-- Locks keys that looked idle. What somebody else has locked is not.
select turn.scope, turn.queue, turn.key
from {turns}
join {turn} as turn on turn.scope = named.scope and turn.queue = named.queue and turn.key = named.key
order by 1, 2, 3
{skip_locked_turn}
