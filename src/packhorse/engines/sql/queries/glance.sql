-- What a worker needs to know before it claims or sleeps.
-- Each list is a loose index scan: one look into a partial index for every different value, however many rows there are.
with recursive ready (queue) as (
    select min(queue) from {job} where state = 'available' and crashes = 0
    union all
    select (select min(job.queue) from {job} as job
            where job.state = 'available' and job.crashes = 0 and job.queue > ready.queue)
    from ready
    where ready.queue is not null
), suspect (queue) as (
    select min(queue) from {job} where state = 'available' and crashes > 0
    union all
    select (select min(job.queue) from {job} as job
            where job.state = 'available' and job.crashes > 0 and job.queue > suspect.queue)
    from suspect
    where suspect.queue is not null
), parked (task) as (
    select min(task) from {job} where state = 'blocked' and waits_for = 'task'
    union all
    select (select min(job.task) from {job} as job
            where job.state = 'blocked' and job.waits_for = 'task' and job.task > parked.task)
    from parked
    where parked.task is not null
), holder (id) as (
    select min(worker_id) from {job} where state = 'executing'
    union all
    select (select min(job.worker_id) from {job} as job where job.state = 'executing' and job.worker_id > holder.id)
    from holder
    where holder.id is not null
)
select
    (select CAST({json_list}(queue) AS text) from ready where queue is not null),
    (select CAST({json_list}(queue) AS text) from suspect where queue is not null),
    (select CAST({json_list}(task) AS text) from parked where task is not null),
    (select {micros}(min(scheduled_at)) from {job} where state = 'scheduled') - {micros}({now}),
    (select count(*) from {worker} where id = CAST(:worker AS bigint)),
    (select count(*) from holder where id is not null and id not in (select id from {worker}))
    + (select count(*) from {worker} where expires_at <= {now})   -- without :locks
    , (select json_group_array(json_array(id, expires_at)) from {worker}), {now}   -- with :locks
