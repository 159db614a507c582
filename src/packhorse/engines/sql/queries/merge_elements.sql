-- Adds records to packages behind those that they have. One that was done with is to be done again.
insert into {element} (job_id, position, type, key)
select named.job_id,
    named.position + coalesce((select max(has.position) + 1 from {element} as has where has.job_id = named.job_id), 0),
    named.type, named.key
from {elements}
where true
on conflict (job_id, type, key) do update set outcome = null, reason = null where {element}.outcome is not null
