-- Records a worker and its tasks. The rows are this worker's alone: nobody waits for them.
insert into {worker} (id, name, queues, started_at, expires_at, wants_hints)
values (CAST(:worker AS bigint), CAST(:name AS text), CAST(:queues AS text), {now}, {now} + CAST(:lease AS bigint) {us}, {false})
on conflict (id) do update
set name = excluded.name, queues = excluded.queues, expires_at = excluded.expires_at;

delete from {worker_task} where worker_id = CAST(:worker AS bigint);

insert into {worker_task} (worker_id, task)
select CAST(:worker AS bigint), value from {names}
