-- Gives fresh jobs of these keys their places, in the order of their ids behind all that came before: this pass has a
-- higher number than every pass before it, because the keys are locked. (`is true` lets the keys be hashed once.) A row
-- that somebody else has, who cancels the job or has found it by its unique key, is left to the next pass.
update {job} as job
set is_fresh = {false}, serial_place = coalesce(job.serial_place, fresh.place)
from (
    select waiting.id as job_id, pass.number * 1048576 + row_number() over (order by waiting.id) as place
    from (
        select id from {job}
        where is_fresh and gate = 'serial'
          and (serial_key in (select named.key from {turns} where named.scope = 'serial')) is true
        order by id
        limit CAST(:limit AS bigint)
        for update skip locked
    ) as waiting, (select nextval('{schema}.pass') as number) as pass
) as fresh
where job.id = fresh.job_id
returning id;

update {job} as job
set is_fresh = {false}, group_place = coalesce(job.group_place, fresh.place)
from (
    select waiting.id as job_id, pass.number * 1048576 + row_number() over (order by waiting.id) as place
    from (
        select id from {job}
        where is_fresh and gate = 'group' and ((queue, group_key) in (
            select named.queue, named.key from {turns} where named.scope = 'group'
        )) is true
        order by id
        limit CAST(:limit AS bigint)
        for update skip locked
    ) as waiting, (select nextval('{schema}.pass') as number) as pass
) as fresh
where job.id = fresh.job_id
returning id
