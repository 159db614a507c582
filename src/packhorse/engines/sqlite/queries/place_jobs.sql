-- Gives jobs that have come to these keys their places behind all that came before, in the order of their ids. The keys are
-- locked. Mostly a job's id is higher than any place in its line, and is its place: nothing is written then.
with front as (
    select gate, queue, key, job_id from (
        select gate, queue, key, job_id from {arrival} where gate = 'serial' order by job_id limit CAST(:limit AS bigint)
    ) as one
    union all
    select gate, queue, key, job_id from (
        select gate, queue, key, job_id from {arrival} where gate = 'group' order by job_id limit CAST(:limit AS bigint)
    ) as one
)
update {job} as job
set serial_place = case when late.gate = 'serial' then late.place else serial_place end,
    group_place = case when late.gate = 'group' then late.place else group_place end
from (
    select arrived.gate, arrived.job_id, turn.last_place,
        turn.last_place + row_number() over (partition by arrived.gate, arrived.queue, arrived.key order by arrived.job_id) as place,
        min(arrived.job_id) over (partition by arrived.gate, arrived.queue, arrived.key) as first_id
    from {turns}
    join front as arrived on arrived.gate = named.scope and arrived.queue = named.queue and arrived.key = named.key
    join {turn} as turn on turn.scope = named.scope and turn.queue = named.queue and turn.key = named.key
) as late
where late.first_id <= late.last_place and job.id = late.job_id and +job.waits_for = late.gate;

with front as (
    select gate, queue, key, job_id from (
        select gate, queue, key, job_id from {arrival} where gate = 'serial' order by job_id limit CAST(:limit AS bigint)
    ) as one
    union all
    select gate, queue, key, job_id from (
        select gate, queue, key, job_id from {arrival} where gate = 'group' order by job_id limit CAST(:limit AS bigint)
    ) as one
)
update {turn} as turn
set last_place = case when news.first_id <= turn.last_place then turn.last_place + news.number else news.last_id end
from (
    select arrived.gate, arrived.queue, arrived.key, min(arrived.job_id) as first_id, max(arrived.job_id) as last_id,
        count(*) as number
    from {turns}
    join front as arrived on arrived.gate = named.scope and arrived.queue = named.queue and arrived.key = named.key
    group by 1, 2, 3
) as news
where turn.scope = news.gate and turn.queue = news.queue and turn.key = news.key;

with front as (
    select gate, queue, key, job_id from (
        select gate, queue, key, job_id from {arrival} where gate = 'serial' order by job_id limit CAST(:limit AS bigint)
    ) as one
    union all
    select gate, queue, key, job_id from (
        select gate, queue, key, job_id from {arrival} where gate = 'group' order by job_id limit CAST(:limit AS bigint)
    ) as one
)
delete from {arrival}
where (gate, job_id) in (
    select arrived.gate, arrived.job_id
    from {turns}
    join front as arrived on arrived.gate = named.scope and arrived.queue = named.queue and arrived.key = named.key
)
returning job_id
