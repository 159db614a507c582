-- All that is known of why a job does not run: one row, from one snapshot; none where there is no job of that id.
-- Whether a claim would take it is asked in the claim's own words. Everything is looked up by an index; what could be much
-- is counted up to :most, and the pace of the queue is taken from the latest thousand that ended. It takes no lock.
with recursive asked (
    id, task, queue, state, priority, order_at, scheduled_at, started_at, finished_at, attempt, failures, max_attempts, crashes,
    reason, waits_for, is_fresh, serial_key, serial_place, group_key, group_place, worker_id, worker, cancel_at, cancelled_by,
    error_type, error_message, dismissed_at, dismissed_by
) as materialized (
    select id, task, queue, state, priority, order_at, {micros}(scheduled_at), {micros}(started_at), CAST(null AS bigint),
        attempt, failures, max_attempts, crashes, reason, waits_for,
        exists (select 1 from {arrival} as fresh where fresh.gate = job.waits_for and fresh.job_id = job.id),
        serial_key, coalesce(serial_place, id), group_key, coalesce(group_place, id),
        worker_id, (select worker.name from {worker} as worker where worker.id = job.worker_id), {micros}(cancel_at),
        cancelled_by, error_type, error_message, CAST(null AS bigint), CAST(null AS text)
    from {job} as job
    where id = CAST(:id AS bigint)
    union all
    select id, task, queue, state, priority, order_at, {micros}(scheduled_at), {micros}(started_at), {micros}(finished_at),
        attempt, failures, max_attempts, crashes, reason, null, {false}, serial_key, null, group_key, null,
        null, worker, null, null, error_type, error_message, {micros}(dismissed_at), dismissed_by
    from {finished}
    where id = CAST(:id AS bigint)
), level (queue, priority) as (
    select asked.queue, (
        select first.priority from {job} as first
        where first.state = 'available' and first.crashes = 0 and first.queue = asked.queue
        order by first.priority limit 1
    )
    from asked
    union all
    select level.queue, (
        select next.priority from {job} as next
        where next.state = 'available' and next.crashes = 0 and next.queue = level.queue and next.priority > level.priority
        order by next.priority limit 1
    )
    from level
    where level.priority is not null
), succeeded (number, since) as (
    select count(*), min(finished_at)
    from (
        select past.finished_at from {finished} as past
        where past.queue = (select queue from asked) and past.state = 'succeeded'
          and past.finished_at > {now} - CAST(:lately AS bigint) {us}
        order by past.finished_at desc limit 1000
    ) as latest
), failed (number, since) as (
    select count(*), min(finished_at)
    from (
        select past.finished_at from {finished} as past
        where past.queue = (select queue from asked) and past.state = 'failed'
          and past.finished_at > {now} - CAST(:lately AS bigint) {us}
        order by past.finished_at desc limit 1000
    ) as latest
)
select {micros}({now}), asked.id, asked.task, asked.queue, asked.state, asked.priority, asked.scheduled_at, asked.started_at,
    asked.finished_at, asked.attempt, asked.failures, asked.max_attempts, asked.crashes, asked.reason, asked.waits_for,
    asked.is_fresh, asked.serial_key, asked.group_key, asked.worker_id, asked.worker, asked.cancel_at, asked.cancelled_by,
    asked.error_type, asked.error_message, asked.dismissed_at, asked.dismissed_by,

    -- whether a claim would take it, and how many come before it
    (select count(*) from {job} as job where job.id = asked.id and {claimable(job, asked.queue)}),
    {free_permits(asked.queue)},
    case
        when asked.state <> 'available' then null
        when asked.crashes > 0 and record.order_policy = 'aging' then (
            select count(*) from (
                select 1 from {job} as other
                where other.state = 'available' and other.crashes > 0 and other.queue = asked.queue
                  and other.priority <= {lowest_priority(asked.queue)} and (
                    other.order_at + (other.priority - 5) * CAST(:step AS bigint) {us}, other.priority, other.id
                  ) < (
                    asked.order_at + (asked.priority - 5) * CAST(:step AS bigint) {us}, asked.priority, asked.id
                  )
                limit CAST(:most AS bigint)
            ) as earlier
        )
        when asked.crashes > 0 then (
            select count(*) from (
                select 1 from {job} as other
                where other.state = 'available' and other.crashes > 0 and other.queue = asked.queue
                  and other.priority < asked.priority
                union all
                select 1 from {job} as other
                where other.state = 'available' and other.crashes > 0 and other.queue = asked.queue
                  and other.priority = asked.priority and other.order_at < asked.order_at
                union all
                select 1 from {job} as other
                where other.state = 'available' and other.crashes > 0 and other.queue = asked.queue
                  and other.priority = asked.priority and other.order_at = asked.order_at and {earlier_id(other, asked)}
                limit CAST(:most AS bigint)
            ) as earlier
        )
        when record.order_policy = 'aging' then (
            select CAST(coalesce(sum((
                select count(*) from (
                    select 1 from {job} as other
                    where other.state = 'available' and other.crashes = 0 and other.queue = asked.queue
                      and other.priority = level.priority
                      and other.order_at < asked.order_at + (asked.priority - level.priority) * CAST(:step AS bigint) {us}
                    union all
                    select 1 from {job} as other
                    where other.state = 'available' and other.crashes = 0 and other.queue = asked.queue
                      and other.priority = level.priority
                      and other.order_at = asked.order_at + (asked.priority - level.priority) * CAST(:step AS bigint) {us}
                      and +level.priority < asked.priority
                    union all
                    select 1 from {job} as other
                    where other.state = 'available' and other.crashes = 0 and other.queue = asked.queue
                      and other.priority = level.priority and +level.priority = asked.priority
                      and other.order_at = asked.order_at and {earlier_id(other, asked)}
                    limit CAST(:most AS bigint)
                ) as earlier
            )), 0) AS bigint)
            from level
            where level.priority <= {lowest_priority(asked.queue)}
        )
        else (
            select count(*) from (
                select 1 from {job} as other
                where other.state = 'available' and other.crashes = 0 and other.queue = asked.queue
                  and other.priority < asked.priority
                union all
                select 1 from {job} as other
                where other.state = 'available' and other.crashes = 0 and other.queue = asked.queue
                  and other.priority = asked.priority and other.order_at < asked.order_at
                union all
                select 1 from {job} as other
                where other.state = 'available' and other.crashes = 0 and other.queue = asked.queue
                  and other.priority = asked.priority and other.order_at = asked.order_at and {earlier_id(other, asked)}
                limit CAST(:most AS bigint)
            ) as earlier
        )
    end,
    (
        select count(*) from (
            select 1 from {job} as other
            where other.state = 'available' and other.crashes > 0 and other.queue = asked.queue
            limit CAST(:most AS bigint)
        ) as suspect
    ),
    succeeded.number, {micros}(succeeded.since), failed.number, {micros}(failed.since),

    -- its queue
    {micros}(record.paused_at), record.paused_by, record.paused_reason, record.priority_floor, record.slots,
    record.max_running, record.rate_count, record.rate_period_us, {micros}(record.next_at),
    (select count(*) from {job} as running where running.queue = asked.queue and running.has_permit = {true}),
    (
        select coalesce(sum(past.number), 0) from {start} as past
        where past.queue = asked.queue and past.key = '' and past.started_at > {now} - record.rate_period_us {us}
    ),

    -- the workers: whether each knows the task, and how many jobs of the queue it holds
    (
        select CAST({json_list}({json_row}(
            worker.id, worker.name, worker.queues, {micros}(worker.started_at), {micros}(worker.expires_at),
            exists (select 1 from {worker_task} as known where known.worker_id = worker.id and known.task = asked.task),
            (
                select count(*) from {job} as held
                where held.state = 'executing' and held.worker_id = worker.id and held.queue = asked.queue
            ),
            (
                select suspect.id from {job} as suspect
                where suspect.state = 'executing' and suspect.worker_id = worker.id and suspect.crashes > 0
                  and suspect.started_at > {now} - CAST(:alone AS bigint) {us}
                  and not exists (
                      select 1 from {job} as held
                      where held.state = 'executing' and held.worker_id = worker.id and held.id <> suspect.id
                  )
            )
        )) AS text)
        from {worker} as worker
    ),
    case when not exists (
        select 1 from {worker_task} as known join {worker} as worker on worker.id = known.worker_id
        where known.task = asked.task and worker.expires_at > {now}
    ) then (
        select CAST({json_list}(task) AS text)
        from (select distinct task from {worker_task} order by task limit 1000) as heard
    ) end,
    (select CAST({json_list}({json_row}(module, host, error)) AS text) from {load_failure}),

    -- its serial key: who has it, and how many wait for it before this job
    keeper.id, keeper.state, keeper.waits_for, {micros}(keeper.started_at), {micros}(keeper.scheduled_at),
    (select worker.name from {worker} as worker where worker.id = keeper.worker_id),
    case when asked.waits_for = 'serial' and not asked.is_fresh then (
        select count(*) from (
            select 1 from {job} as other
            where other.serial_key = asked.serial_key and other.waits_for = 'serial'
              and coalesce(other.serial_place, other.id) < asked.serial_place
              and not exists (select 1 from {arrival} as fresh where fresh.gate = 'serial' and fresh.job_id = other.id)
            limit CAST(:most AS bigint)
        ) as earlier
    ) end,

    -- its group
    record.group_max_running, record.group_rate_count, record.group_rate_period_us, record.is_fair,
    {micros}((
        select line.next_at from {turn} as line
        where line.scope = 'group' and line.queue = asked.queue and line.key = asked.group_key
    )),
    case when asked.waits_for = 'group' then (
        select count(*) from (
            select 1 from {job} as member
            where member.queue = asked.queue and member.group_key = asked.group_key and member.group_place = 0
            limit CAST(:most AS bigint)
        ) as inside
    ) end,
    case when asked.waits_for = 'group' and not asked.is_fresh then (
        select count(*) from (
            select 1 from {job} as other
            where other.queue = asked.queue and other.group_key = asked.group_key and other.waits_for = 'group'
              and coalesce(other.group_place, other.id) < asked.group_place
              and not exists (select 1 from {arrival} as fresh where fresh.gate = 'group' and fresh.job_id = other.id)
            limit CAST(:most AS bigint)
        ) as earlier
    ) end,

    -- the jobs that it waits for, or would if it came back, and that have not ended as they must, those that did not succeed
    -- first
    case when asked.waits_for = 'jobs' or asked.state = 'cancelled' then (
        select CAST({json_list}({json_row}(id, state, needs)) AS text) from (
            select needed.on_id as id, coalesce(live.state, past.state) as state, needed.needs as needs
            from {dependency} as needed
            left join {job} as live on live.id = needed.on_id
            left join {finished} as past on past.id = needed.on_id
            where needed.job_id = asked.id
              and (live.id is not null or (needed.needs = 'success' and past.state <> 'succeeded'))
            order by live.id is not null, needed.on_id
            limit CAST(:most AS bigint)
        ) as open
    ) end
from asked
cross join succeeded
cross join failed
left join {queue} as record on record.name = asked.queue
left join {turn} as line on line.scope = 'serial' and line.queue = '' and line.key = asked.serial_key
left join {job} as keeper on keeper.id = line.holder and coalesce(keeper.gate, '') not in ('jobs', 'serial')
order by asked.finished_at is not null
limit 1
