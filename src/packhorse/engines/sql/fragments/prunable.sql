-- (row) Whether a finished job need not be kept for others: what has not succeeded is, while a job is recorded that was to wait
-- for its success. That one may have been cancelled, and come back: it would take what is gone for succeeded. And what its
-- batch has not counted yet is, too.
(({row}.state = 'succeeded' or not exists (
    select 1 from {dependency} as needed where needed.on_id = {row}.id and needed.needs = 'success'
)) and not exists (
    select 1 from {member} as uncounted
    where uncounted.job_id = {row}.id and (uncounted.counted_as is null or uncounted.counted_as <> {row}.state)
))
