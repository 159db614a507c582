-- Gives jobs that have come to these keys their places behind all that came before, in the order of their ids. The keys are
-- locked. Mostly a job's id is higher than any place in its line, and is its place: then its row is not touched. Where an id
-- is too low, all that have come to that key now get places. A row that somebody else has, who cancels the job or has found
-- it by its unique key, is left to the next pass.
with front as materialized (
    select gate, queue, key, job_id from (
        select gate, queue, key, job_id from {arrival} where gate = 'serial' order by job_id limit CAST(:limit AS bigint)
    ) as one
    union all
    select gate, queue, key, job_id from (
        select gate, queue, key, job_id from {arrival} where gate = 'group' order by job_id limit CAST(:limit AS bigint)
    ) as one
), arrived as materialized (
    select front.gate, front.queue, front.key, front.job_id, turn.last_place,
        min(front.job_id) over (partition by front.gate, front.queue, front.key) <= turn.last_place as is_late
    from {turns}
    join front on front.gate = named.scope and front.queue = named.queue and front.key = named.key
    join {turn} as turn on turn.scope = named.scope and turn.queue = named.queue and turn.key = named.key
), lately as materialized (
    select job.id, arrived.gate, arrived.queue, arrived.key, arrived.last_place
    from arrived join {job} as job on job.id = arrived.job_id and job.waits_for = arrived.gate
    where arrived.is_late
    order by job.id
    for update of job skip locked
), moved as materialized (
    select id, gate, last_place + row_number() over (partition by gate, queue, key order by id) as place from lately
), renumbered as (
    update {job} as job
    set serial_place = case when moved.gate = 'serial' then moved.place else job.serial_place end,
        group_place = case when moved.gate = 'group' then moved.place else job.group_place end
    from moved
    where job.id = moved.id
), placed as (
    delete from {arrival} as arrival
    using arrived
    where arrival.gate = arrived.gate and arrival.job_id = arrived.job_id and (
        not arrived.is_late
        or exists (select from moved where moved.id = arrived.job_id)
        or not exists (select from {job} as job where job.id = arrived.job_id and job.waits_for = arrived.gate)
    )
    returning arrived.gate, arrived.queue, arrived.key, arrived.job_id, arrived.is_late
), noted as (
    update {turn} as turn
    set last_place = greatest(turn.last_place, news.place)
    from (
        select placed.gate, placed.queue, placed.key,
            max(case when placed.is_late then moved.place else placed.job_id end) as place
        from placed left join moved on moved.id = placed.job_id and moved.gate = placed.gate
        group by 1, 2, 3
    ) as news
    where turn.scope = news.gate and turn.queue = news.queue and turn.key = news.key
)
select job_id from placed
