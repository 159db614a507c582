-- What a worker needs to know before it claims or sleeps.
-- Each list is a loose index scan: one look into a partial index for every different value, however many rows there are.
-- (Not by min(): where the statistics are old, the planner then prefers to read the whole index.)
with recursive ready (queue) as (
    select (select queue from {job} where state = 'available' and crashes = 0 order by queue limit 1)
    union all
    select (select job.queue from {job} as job
            where job.state = 'available' and job.crashes = 0 and job.queue > ready.queue
            order by job.queue limit 1)
    from ready
    where ready.queue is not null
), suspect (queue) as (
    select (select queue from {job} where state = 'available' and crashes > 0 order by queue limit 1)
    union all
    select (select job.queue from {job} as job
            where job.state = 'available' and job.crashes > 0 and job.queue > suspect.queue
            order by job.queue limit 1)
    from suspect
    where suspect.queue is not null
), parked (task) as (
    select (select task from {job} where state = 'blocked' and waits_for = 'task' order by task limit 1)
    union all
    select (select job.task from {job} as job
            where job.state = 'blocked' and job.waits_for = 'task' and job.task > parked.task
            order by job.task limit 1)
    from parked
    where parked.task is not null
)
select
    (select CAST({json_list}(queue) AS text) from ready
        where queue is not null and queue not in (select name from {queue} where paused_at is not null)
        -- with :floors
        and not exists (
            select 1 from {queue} as record
            where record.name = ready.queue and record.priority_floor < (
                select job.priority from {job} as job
                where job.state = 'available' and job.crashes = 0 and job.queue = ready.queue
                order by job.priority limit 1
            )
        )
        -- end
    ),
    (select CAST({json_list}(queue) AS text) from suspect
        where queue is not null and queue not in (select name from {queue} where paused_at is not null)
        -- with :floors
        and not exists (
            select 1 from {queue} as record
            where record.name = suspect.queue and record.priority_floor < (
                select job.priority from {job} as job
                where job.state = 'available' and job.crashes > 0 and job.queue = suspect.queue
                order by job.priority limit 1
            )
        )
        -- end
    ),
    (select CAST({json_list}(task) AS text) from parked where task is not null),
    (select {micros}(scheduled_at) - {micros}({now}) from {job} where state = 'scheduled' order by scheduled_at limit 1),
    (select count(*) from {worker} where id = CAST(:worker AS bigint)),
    (select number from {revision}),
    (select 1 from {arrival} order by gate, job_id limit 1),
    (select 1 from {ended} order by id limit 1),
    (select {micros}(next_at) - {micros}({now}) from {turn} where next_at is not null order by next_at limit 1),
    (select {micros}(min(next_at)) - {micros}({now}) from {queue} where next_at > {now}),
    (select count(*) from {worker} where expires_at <= {now})   -- without :locks
    0, (select json_group_array(json_array(id, expires_at)) from {worker}), {now}   -- with :locks
