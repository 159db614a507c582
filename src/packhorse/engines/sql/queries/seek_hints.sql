-- Says whether a worker wants to be woken. Only the worker itself writes its row, and its heartbeat.
update {worker} set wants_hints = (CAST(:wanted AS integer) = 1) where id = CAST(:worker AS bigint)
