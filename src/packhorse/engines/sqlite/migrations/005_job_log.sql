-- What jobs say of themselves while they run, apart from the jobs, whose rows are claimed and acknowledged meanwhile.
-- oldest_supported: 5

-- Rows go when the job is pruned. There is no foreign key: checking it would lock rows of {job}.
create table {job_log} (
    job_id integer not null,
    attempt integer not null,
    sequence integer not null,
    at integer not null,
    level integer not null,
    logger text not null,
    message text not null,
    primary key (job_id, attempt, sequence)
) strict;

create table {progress} (
    job_id integer primary key,
    attempt integer not null,
    done real not null,
    total real,
    note text,
    at integer not null
) strict;
