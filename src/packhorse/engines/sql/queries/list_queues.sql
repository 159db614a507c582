-- Every queue with its number of jobs by state: of live ones counted up to a limit, with that limit; of finished ones kept,
-- with how many ever ended so. And since when its longest-waiting available job has been wanted.
-- Finished jobs are never looked at: they have been counted as they came and went. Of the live ones the waiting are counted
-- in indexes: first up to 1,000 of each queue and state, then, where there are more, up to 25,000 altogether. What workers
-- hold, or held when they died, is as little as they can hold. Each list is a loose index scan; see glance.sql.
with recursive head (id, queue, priority, order_at) as (
    select id, queue, priority, order_at
    from {job}
    where id = (
        select id from {job}
        where state = 'available' and crashes = 0
        order by queue, priority, order_at, id limit 1
    )
    union all
    select job.id, job.queue, job.priority, job.order_at
    from head join {job} as job on job.id = coalesce((
        select later.id from {job} as later
        where later.state = 'available' and later.crashes = 0
          and later.queue = head.queue and later.priority > head.priority
        order by later.queue, later.priority, later.order_at, later.id limit 1
    ), (
        select later.id from {job} as later
        where later.state = 'available' and later.crashes = 0 and later.queue > head.queue
        order by later.queue, later.priority, later.order_at, later.id limit 1
    ))
), waiting (id, queue, state) as (
    select id, queue, state
    from {job}
    where id = (select id from {job} where state in ('blocked', 'scheduled') order by queue, state limit 1)
    union all
    select job.id, job.queue, job.state
    from waiting join {job} as job on job.id = coalesce((
        select later.id from {job} as later
        where later.state in ('blocked', 'scheduled')
          and later.queue = waiting.queue and later.state > waiting.state
        order by later.queue, later.state limit 1
    ), (
        select later.id from {job} as later
        where later.state in ('blocked', 'scheduled') and later.queue > waiting.queue
        order by later.queue, later.state limit 1
    ))
), few (queue, state, number, oldest) as (
    select queue, 'available', (
        select count(*) from (
            select 1 from {job} as job
            where job.state = 'available' and job.crashes = 0 and job.queue = head.queue
            order by job.queue, job.priority, job.order_at limit 1001
        ) as found
    ), min(order_at)
    from head
    group by queue
    union all
    select queue, state, (
        select count(*) from (
            select 1 from {job} as job
            where job.state in ('blocked', 'scheduled') and job.queue = waiting.queue and job.state = waiting.state
            order by job.queue, job.state limit 1001
        ) as found
    ), null
    from waiting
), most (number) as (
    select 1000 * case when count(*) < 25 then 25 / count(*) else 1 end
    from few where number > 1000 having count(*) > 0
), many (queue, state, number, oldest) as (
    select queue, state, (
        select count(*) from (
            select 1 from {job} as job
            where job.state = 'available' and job.crashes = 0 and job.queue = few.queue
            order by job.queue, job.priority, job.order_at limit (select number + 1 from most)
        ) as found
    ), oldest
    from few
    where number > 1000 and state = 'available' and (select number from most) > 1000
    union all
    select queue, state, (
        select count(*) from (
            select 1 from {job} as job
            where job.state in ('blocked', 'scheduled') and job.queue = few.queue and job.state = few.state
            order by job.queue, job.state limit (select number + 1 from most)
        ) as found
    ), oldest
    from few
    where number > 1000 and state <> 'available' and (select number from most) > 1000
)
select queue, state, number, (select number from most), {micros}(oldest), 0 from many
union all
select queue, state, number, 1000, {micros}(oldest), 0
from few
where number <= 1000 or (select number from most) = 1000
union all
select queue, state, count(*), null, {micros}(min(order_at)), 0
from {job}
where state = 'available' and crashes > 0
group by queue, state
union all
select queue, state, count(*), null, null, 0 from {job} where state = 'executing' group by queue, state
union all
select queue, state, CAST(sum(kept) AS bigint), null, null, CAST(sum(ended) AS bigint) from {tally} group by queue, state
