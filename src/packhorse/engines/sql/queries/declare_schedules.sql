-- Records which schedules a worker's code declares. The rows are this worker's alone; they go with its registration.
delete from {schedule_declaration} where worker_id = CAST(:worker AS bigint);

insert into {schedule_declaration} (worker_id, name, fingerprint)
select worker.id, pair.key, pair.value
from {worker} as worker cross join {pairs} as pair
where worker.id = CAST(:worker AS bigint);

update {schedule} set undeclared_at = null
where undeclared_at is not null
  and name in (select name from {schedule_declaration} where worker_id = CAST(:worker AS bigint))
