-- Takes the news of jobs that have ended and that others wait for, or a batch, and of batches.
delete from {ended}
where id {any_of}
    select id from {ended} order by id limit CAST(:limit AS bigint) {skip_locked}
))
returning job_id, queue, serial_key, group_key, batch_id, {micros}(closed_at)
