-- Gives fresh jobs of these keys their places, in the order of their ids behind all that came before: this pass has a
-- higher number than every pass before it, because the keys are locked. (`is true` lets the keys be hashed once.)
update {job} as job
set is_fresh = {false}, serial_place = coalesce(job.serial_place, fresh.place)
from (
    select waiting.id as job_id, pass.number * 1048576 + row_number() over (order by waiting.id) as place
    from (
        select id, serial_key from {job} where is_fresh and gate = 'serial' order by id limit CAST(:limit AS bigint)
    ) as waiting, (select nextval('{schema}.pass') as number) as pass
    where (waiting.serial_key in (select named.key from {turns} where named.scope = 'serial')) is true
) as fresh
where job.id = fresh.job_id and job.is_fresh
returning id;

update {job} as job
set is_fresh = {false}, group_place = coalesce(job.group_place, fresh.place)
from (
    select waiting.id as job_id, pass.number * 1048576 + row_number() over (order by waiting.id) as place
    from (
        select id, queue, group_key from {job}
        where is_fresh and gate = 'group'
        order by id
        limit CAST(:limit AS bigint)
    ) as waiting, (select nextval('{schema}.pass') as number) as pass
    where ((waiting.queue, waiting.group_key) in (
        select named.queue, named.key from {turns} where named.scope = 'group'
    )) is true
) as fresh
where job.id = fresh.job_id and job.is_fresh
returning id
