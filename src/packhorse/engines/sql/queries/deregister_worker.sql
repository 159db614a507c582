-- Forgets a worker that holds no job; one that does is marked as expired, for the rescuer to find.
delete from {worker}
where id = CAST(:worker AS bigint)
  and not exists (select 1 from {job} where state = 'executing' and worker_id = CAST(:worker AS bigint));

update {worker} set expires_at = {now} where id = CAST(:worker AS bigint)
