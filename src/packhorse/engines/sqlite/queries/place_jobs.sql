-- Gives fresh jobs of these keys their places, in the order of their ids behind all that came before. The keys are locked.
update {job} as job
set is_fresh = {false}, serial_place = coalesce(job.serial_place, fresh.place)
from (
    select id as job_id, row_number() over (partition by serial_key order by id) + coalesce((
        select max(other.serial_place) from {job} as other
        where other.serial_key = waiting.serial_key and other.waits_for = 'serial' and other.serial_place is not null
    ), 0) as place
    from (
        select id, serial_key from {job} where is_fresh and gate = 'serial' order by id limit CAST(:limit AS bigint)
    ) as waiting
    where serial_key in (select named.key from {turns} where named.scope = 'serial')
) as fresh
where job.id = fresh.job_id and +job.is_fresh
returning id;

update {job} as job
set is_fresh = {false}, group_place = coalesce(job.group_place, fresh.place)
from (
    select id as job_id, row_number() over (partition by queue, group_key order by id) + coalesce((
        select max(other.group_place) from {job} as other
        where other.queue = waiting.queue and other.group_key = waiting.group_key and other.waits_for = 'group'
          and other.group_place is not null
    ), 0) as place
    from (
        select id, queue, group_key from {job}
        where is_fresh and gate = 'group'
        order by id
        limit CAST(:limit AS bigint)
    ) as waiting
    where (queue, group_key) in (select named.queue, named.key from {turns} where named.scope = 'group')
) as fresh
where job.id = fresh.job_id and +job.is_fresh
returning id
