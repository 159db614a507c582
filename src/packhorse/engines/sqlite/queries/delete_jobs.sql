-- Deletes finished jobs for good, with their history and their log. A live one is none of them, so nothing that a worker
-- holds goes.
delete from {attempt}
where job_id in (select CAST(value AS bigint) from {ids}) and job_id in (select id from {finished});

delete from {job_log}
where job_id in (select CAST(value AS bigint) from {ids}) and job_id in (select id from {finished});

delete from {progress}
where job_id in (select CAST(value AS bigint) from {ids}) and job_id in (select id from {finished});

insert into {tally} (queue, state, kept, ended)
select queue, state, -count(*), 0
from {finished}
where id in (select CAST(value AS bigint) from {ids})
group by queue, state
on conflict (queue, state) do update set kept = kept + excluded.kept, ended = ended + excluded.ended;

delete from {finished}
where id in (select CAST(value AS bigint) from {ids})
returning id
