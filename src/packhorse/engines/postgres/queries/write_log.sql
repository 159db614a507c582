-- Stores what jobs say of themselves. Touches no row of a job; lines and reports come in the order of their keys, so that
-- two workers that both believe to run a job wait for each other, and never in a circle. A batch that is sent again
-- replaces its lines by the same; of a line that tells how many others were dropped the last count stays.
-- with :lines
insert into {job_log} (job_id, attempt, sequence, at, level, logger, message)
select job_id, attempt, sequence, {now} - age {us}, level, logger, message
from json_to_recordset(CAST(CAST(:lines AS text) AS json)) as line (
    job_id bigint, attempt integer, sequence bigint, age bigint, level integer, logger text, message text
)
on conflict (job_id, attempt, sequence) do update set message = excluded.message;
-- end

-- with :reports
insert into {progress} as kept (job_id, attempt, done, total, note, at)
select job_id, attempt, done, total, note, {now}
from json_to_recordset(CAST(CAST(:reports AS text) AS json)) as report (
    job_id bigint, attempt integer, done double precision, total double precision, note text
)
on conflict (job_id) do update
set attempt = excluded.attempt, done = excluded.done, total = excluded.total, note = excluded.note, at = excluded.at
where (excluded.attempt, excluded.done) >= (kept.attempt, kept.done)
-- end
