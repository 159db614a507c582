-- Deletes keys that are idle. They are locked by a statement before this one, so that it sees what those did who had the lock
-- until then; whoever comes with a job of such a key makes its row again.
delete from {turn} as turn
where (turn.scope, turn.queue, turn.key) in (select named.scope, named.queue, named.key from {turns}) and {idle(turn)}
returning key
