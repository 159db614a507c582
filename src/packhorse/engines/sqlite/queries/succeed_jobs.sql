-- Records that the runs of one claim, or some of them, simply succeeded: most acks say no more than that, and by far the
-- cheapest way to say it is a list of ids. Guarded by the lease: a row that was rescued meanwhile stays where it is, and
-- its id does not come back. The ids are read, and not returned by the deletion: to return anything SQLite would read each
-- row's columns once more, all of them.
insert into {finished} (id, task, queue, state, priority, args, kwargs, meta, enqueued_at, order_at, scheduled_at,
    expected_at, started_at, finished_at, attempt, failures, skips, crashes, max_attempts, unique_key, unique_until, serial_key,
    group_key, responsible, worker)
select job.id, task, queue, 'succeeded', priority, args, kwargs, meta, enqueued_at, order_at, scheduled_at,
    expected_at, started_at, {now}, attempt, failures, skips, crashes, max_attempts,
    unique_key, unique_until, serial_key, group_key, responsible, (select name from {worker} where id = :worker)
from {ids} as named cross join {job} as job on job.id = named.value
where worker_id = :worker and lease_number = :number and (
    failures + skips + crashes > 0 or queue not in (select name from {queue} where keep_succeeded_us = 0)
);

-- All are of one claim, so of one queue; how many of them are kept is what was just inserted.
insert into {tally} (queue, state, kept, ended)
select queue, 'succeeded', changes(), case when queue in (select name from {queue} where keep_succeeded_us = 0) then (
    select count(*) from {ids} as named cross join {job} as job on job.id = named.value
    where worker_id = :worker and lease_number = :number
) else changes() end
from {ids} as named cross join {job} as job on job.id = named.value
where worker_id = :worker and lease_number = :number
limit 1
on conflict (queue, state) do update set kept = kept + excluded.kept, ended = ended + excluded.ended;

-- Where no job waits for any other, and none is in a batch, nobody needs to look who is awaited.
insert into {ended} (job_id)
select job.id
from {ids} as named cross join {job} as job on job.id = named.value
where (exists (select 1 from {dependency}) or exists (select 1 from {member})) and is_awaited = 1 and worker_id = :worker and lease_number = :number;

select job.id
from {ids} as named cross join {job} as job on job.id = named.value
where worker_id = :worker and lease_number = :number;

delete from {job}
where id in (select value from {ids}) and worker_id = :worker and lease_number = :number
