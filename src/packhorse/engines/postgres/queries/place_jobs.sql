-- Gives jobs that have come to these keys their places behind all that came before, in the order of their ids. The keys are
-- locked. Mostly a job's id is higher than any place in its line, and is its place: then its row is not touched. Where an id
-- is too low, all that have come to that key now get places. A row that somebody else has, who cancels the job or has found
-- it by its unique key, is left to the next pass.
with front as materialized (
    select gate, queue, key, job_id, place from (
        select gate, queue, key, job_id, ctid as place from {arrival}
        where gate = 'serial' order by job_id limit CAST(:limit AS bigint)
    ) as one
    union all
    select gate, queue, key, job_id, place from (
        select gate, queue, key, job_id, ctid as place from {arrival}
        where gate = 'group' order by job_id limit CAST(:limit AS bigint)
    ) as one
), come as materialized (
    select gate, queue, key, array_agg(job_id) as job_ids, array_agg(place) as places, min(job_id) as first_id,
        max(job_id) as last_id
    from front
    group by gate, queue, key
), arrived as materialized (
    select come.*, turn.last_place, come.first_id <= turn.last_place as is_late
    from {turns}
    join come on come.gate = named.scope and come.queue = named.queue and come.key = named.key
    join {turn} as turn on turn.scope = named.scope and turn.queue = named.queue and turn.key = named.key
), late as materialized (
    select arrived.gate, arrived.queue, arrived.key, arrived.last_place, each.job_id, each.place
    from arrived cross join lateral unnest(arrived.job_ids, arrived.places) as each (job_id, place)
    where arrived.is_late
), lately as materialized (
    select job.id, late.gate, late.queue, late.key, late.last_place
    from late join {job} as job on job.id = late.job_id and job.waits_for = late.gate
    order by job.id
    for update of job skip locked
), moved as materialized (
    select id, gate, queue, key, last_place + row_number() over (partition by gate, queue, key order by id) as place from lately
), renumbered as (
    update {job} as job
    set serial_place = case when moved.gate = 'serial' then moved.place else job.serial_place end,
        group_place = case when moved.gate = 'group' then moved.place else job.group_place end
    from moved
    where job.id = moved.id
), noted as (
    update {turn} as turn
    set last_place = news.place
    from (
        select gate, queue, key, last_id as place from arrived where not is_late
        union all
        select gate, queue, key, max(place) from moved group by gate, queue, key
    ) as news
    where turn.scope = news.gate and turn.queue = news.queue and turn.key = news.key
)
delete from {arrival}
where ctid = any (array(
    select unnest(places) from arrived where not is_late
    union all
    select late.place from late
    where exists (select from moved where moved.id = late.job_id)
       or not exists (select from {job} as job where job.id = late.job_id and job.waits_for = late.gate)
))
returning job_id
