-- Gives the leadership up.
delete from {leader} where worker_id = CAST(:worker AS bigint)
