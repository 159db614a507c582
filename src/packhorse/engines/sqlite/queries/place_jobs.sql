-- Gives jobs that have come to a key their places behind all that came before, in the order of their ids: all that were
-- found when the keys were taken, since nobody else writes in this transaction. Mostly a job's id is higher than any place in its line,
-- and is its place: nothing is written then.
-- with :late
with front as (
    {first_arrivals(:limit)}
)
update {job} as job
set serial_place = case when late.gate = 'serial' then late.place else serial_place end,
    group_place = case when late.gate = 'group' then late.place else group_place end
from (
    select arrived.gate, arrived.job_id, turn.last_place,
        turn.last_place + row_number() over (partition by arrived.gate, arrived.queue, arrived.key order by arrived.job_id) as place,
        min(arrived.job_id) over (partition by arrived.gate, arrived.queue, arrived.key) as first_id
    from front as arrived
    join {turn} as turn on turn.scope = arrived.gate and turn.queue = arrived.queue and turn.key = arrived.key
) as late
where late.first_id <= late.last_place and job.id = late.job_id and +job.waits_for = late.gate;
-- end

with front as (
    {first_arrivals(:limit)}
)
update {turn} as turn
set last_place = case when news.first_id <= turn.last_place then turn.last_place + news.number else news.last_id end
from (
    select gate, queue, key, min(job_id) as first_id, max(job_id) as last_id, count(*) as number from front group by 1, 2, 3
) as news
where turn.scope = news.gate and turn.queue = news.queue and turn.key = news.key;

delete from {arrival}
where gate = 'serial' and job_id <= (
    select max(job_id)
    from (select job_id from {arrival} where gate = 'serial' order by job_id limit CAST(:limit AS bigint)) as front
)
returning job_id;

delete from {arrival}
where gate = 'group' and job_id <= (
    select max(job_id)
    from (select job_id from {arrival} where gate = 'group' order by job_id limit CAST(:limit AS bigint)) as front
)
returning job_id
