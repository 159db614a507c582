-- What jobs say of themselves while they run, apart from the jobs, whose rows are claimed and acknowledged meanwhile.
-- oldest_supported: 5

-- Rows go when the job is pruned. There is no foreign key: checking it would lock rows of {job}.
create table {job_log} (
    job_id bigint not null,
    attempt integer not null,
    sequence bigint not null,
    at timestamptz not null,
    level integer not null,
    logger text not null,
    message text not null,
    primary key (job_id, attempt, sequence)
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000);

-- Every job that tells how far it is changes its one row again and again.
create table {progress} (
    job_id bigint primary key,
    attempt integer not null,
    done double precision not null,
    total double precision,
    note text,
    at timestamptz not null
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
