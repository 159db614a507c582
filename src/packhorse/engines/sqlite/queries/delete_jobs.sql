-- Deletes finished jobs for good, with their history and their log. A live one is none of them, so nothing that a worker
-- holds goes; the job itself goes last, since what goes with it is found by it.
delete from {attempt}
where job_id in (
    select id from {finished} as past where id in (select CAST(value AS bigint) from {ids}) and {deletable(past)}
);

delete from {job_log}
where job_id in (
    select id from {finished} as past where id in (select CAST(value AS bigint) from {ids}) and {deletable(past)}
);

delete from {progress}
where job_id in (
    select id from {finished} as past where id in (select CAST(value AS bigint) from {ids}) and {deletable(past)}
);

delete from {dependency}
where job_id in (
    select id from {finished} as past where id in (select CAST(value AS bigint) from {ids}) and {deletable(past)}
);

delete from {element}
where job_id in (
    select id from {finished} as past where id in (select CAST(value AS bigint) from {ids}) and {deletable(past)}
);

delete from {package}
where job_id in (
    select id from {finished} as past where id in (select CAST(value AS bigint) from {ids}) and {deletable(past)}
);

delete from {record_lock}
where job_id in (
    select id from {finished} as past where id in (select CAST(value AS bigint) from {ids}) and {deletable(past)}
);

update {member}
set is_deleted = 1
where job_id in (
    select id from {finished} as past where id in (select CAST(value AS bigint) from {ids}) and {deletable(past)}
);

insert into {tally} (queue, state, kept, ended)
select queue, state, -count(*), 0
from {finished} as past
where id in (select CAST(value AS bigint) from {ids}) and {deletable(past)}
group by queue, state
on conflict (queue, state) do update set kept = kept + excluded.kept, ended = ended + excluded.ended;

delete from {finished} as past
where id in (select CAST(value AS bigint) from {ids}) and {deletable(past)}
returning id
