-- (one) Whether a job of a batch is still to be kept: it has not ended, its queue keeps it, or a job outside the batch is recorded
-- that was to wait for its success. Each is looked up by its id, whatever the planner believes.
coalesce((
    select case when past.state <> 'succeeded' and exists (
            select 1 from {dependency} as needed
            where needed.on_id = past.id and needed.needs = 'success' and coalesce((
                select beside.batch_id <> {one}.batch_id from {member} as beside where beside.job_id = needed.job_id
            ), {true})
        ) then {true}
        when past.state = 'failed' then coalesce(past.dismissed_at > {now} - coalesce((
            select queue.keep_failed_us from {queue} as queue where queue.name = past.queue
        ), CAST(:failed AS bigint)) {us}, {true})
        when past.state = 'cancelled' then past.finished_at > {now} - coalesce((
            select queue.keep_cancelled_us from {queue} as queue where queue.name = past.queue
        ), CAST(:cancelled AS bigint)) {us}
        else past.finished_at > {now} - coalesce((
            select queue.keep_succeeded_us from {queue} as queue where queue.name = past.queue
        ), CAST(:succeeded AS bigint)) {us}
    end
    from {finished} as past where past.id = {one}.job_id
), (select {true} from {job} as job where job.id = {one}.job_id), {false})
