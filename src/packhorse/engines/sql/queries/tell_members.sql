-- Notes that it was told of these jobs: the jobs that tell of them are enqueued in the same transaction.
update {member} set is_untold = {false} where job_id {any_of} select CAST(value AS bigint) as id from {ids}))
