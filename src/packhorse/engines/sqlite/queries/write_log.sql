-- Stores what jobs say of themselves. Touches no row of a job. A batch that is sent again replaces its lines by the
-- same; of a line that tells how many others were dropped the last count stays.
-- with :lines
insert into {job_log} (job_id, attempt, sequence, at, level, logger, message)
select json_extract(value, '$.job_id'), json_extract(value, '$.attempt'), json_extract(value, '$.sequence'),
    {now} - json_extract(value, '$.age'), json_extract(value, '$.level'), json_extract(value, '$.logger'),
    json_extract(value, '$.message')
from json_each(:lines)
where true
on conflict (job_id, attempt, sequence) do update set message = excluded.message;
-- end

-- with :reports
insert into {progress} (job_id, attempt, done, total, note, at)
select json_extract(value, '$.job_id'), json_extract(value, '$.attempt'), json_extract(value, '$.done'),
    json_extract(value, '$.total'), json_extract(value, '$.note'), {now}
from json_each(:reports)
where true
on conflict (job_id) do update
set attempt = excluded.attempt, done = excluded.done, total = excluded.total, note = excluded.note, at = excluded.at
where (excluded.attempt, excluded.done) >= ({progress}.attempt, {progress}.done)
-- end
