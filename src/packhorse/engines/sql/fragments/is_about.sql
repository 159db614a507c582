-- (row) Whether a job is, or was, a work package about a record.
{row}.id {any_of}
    select about.job_id as id from {element} as about
    where about.type = CAST(:record_type AS text) and about.key = CAST(:record_key AS text)
))
