-- (row) Whether a finished job need not be kept for others: what has not succeeded is, while a job is recorded that was to wait
-- for its success. That one may have been cancelled, and come back: it would take what is gone for succeeded. A job of a batch
-- goes with the batch: looked up for each, so that a chunk costs what it takes whatever the planner believes.
(({row}.state = 'succeeded' or not exists (
    select 1 from {dependency} as needed where needed.on_id = {row}.id and needed.needs = 'success'
)) and coalesce((
    select (select {false} from {batch} as batch where batch.id = member.batch_id)
    from {member} as member where member.job_id = {row}.id
), {true}))
