-- (row) Whether a finished job may be deleted by a person: no job waits for a success that is still possible.
({row}.state = 'succeeded' or not exists (
    select 1 from {dependency} as needed join {job} as follower on follower.id = needed.job_id
    where needed.on_id = {row}.id and needed.needs = 'success'
))
