-- Takes failed jobs out of the inbox, and has the jobs looked at again that wait for their success.
insert into {ended} (job_id)
select distinct on_id
from {dependency}
where on_id in (
    select id from {finished}
    where id in (select CAST(value AS bigint) from {ids}) and state = 'failed' and dismissed_at is null
);

update {finished}
set dismissed_at = {now}, dismissed_by = :by, dismissal = :why
where id in (select CAST(value AS bigint) from {ids}) and state = 'failed' and dismissed_at is null
returning id
