-- Gives back the rows that lost workers have under a lease, and counts that against them: one of them may be why.
insert into {row_trouble} (queue_table, row_key, crashes, retry_at)
select lease.queue_table, lease.row_key, 1, {now}
from {row_lease} as lease
where lease.worker_id = CAST(:worker AS bigint)
   or not exists (select 1 from {worker} as worker where worker.id = lease.worker_id)
on conflict (queue_table, row_key) do update set crashes = {row_trouble}.crashes + 1, marked_by = null;

delete from {row_lease} as lease
where lease.worker_id = CAST(:worker AS bigint)
   or not exists (select 1 from {worker} as worker where worker.id = lease.worker_id)
returning row_key
