-- Ends a worker's lease now. Its row stays until its jobs are rescued.
update {worker} set expires_at = {now} where id = CAST(:worker AS bigint)
