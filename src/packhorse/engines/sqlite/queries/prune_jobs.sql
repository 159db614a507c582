-- Deletes finished jobs with all that belongs to them, and counts them. They were found in the same transaction, so nobody has changed
-- them meanwhile.
delete from {attempt} where job_id in (select value from {ids});

delete from {job_log} where job_id in (select value from {ids});

delete from {progress} where job_id in (select value from {ids});

delete from {member} where job_id in (select value from {ids});

delete from {dependency} where job_id in (select value from {ids});

delete from {element} where job_id in (select value from {ids});

delete from {package} where job_id in (select value from {ids});

delete from {record_lock} where job_id in (select value from {ids});

insert into {tally} (queue, state, kept, ended)
select queue, state, -count(*), 0 from {finished} where id in (select value from {ids}) group by queue, state
on conflict (queue, state) do update set kept = kept + excluded.kept;

delete from {finished} where id in (select value from {ids})
