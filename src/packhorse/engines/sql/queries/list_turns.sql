-- A page of keys, and whether each is idle. Takes no lock.
select turn.scope, turn.queue, turn.key, case when {idle(turn)} then 1 else 0 end
from {turn} as turn
where (turn.scope, turn.queue, turn.key) > (CAST(:scope AS text), CAST(:queue AS text), CAST(:key AS text))
order by turn.scope, turn.queue, turn.key
limit CAST(:limit AS bigint)
