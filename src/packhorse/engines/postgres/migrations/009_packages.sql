-- Work packages: what a job over business records has beside it, under the job's own id, whether it is live or finished.
-- oldest_supported: 9

create table {package} (
    job_id bigint primary key,
    parameters text not null default '{}',
    correlation text,
    locks integer not null default 0,
    collector text,
    collected_in bigint
);

create index package_correlation on {package} (correlation, job_id) where correlation is not null;

-- What gathers records in a transaction finds the package that it has begun there.
create index package_collected on {package} (collector, collected_in, job_id) where collector is not null;

-- The records that a package is about, each once, in order, and what has become of each: none yet while `outcome` is null.
create table {element} (
    job_id bigint not null,
    position integer not null,
    type text not null,
    key text not null,
    outcome text check (outcome in ('done', 'failed', 'skipped')),
    reason text,
    primary key (job_id, position),
    unique (job_id, type, key)
);

create index element_record on {element} (type, key, job_id);

-- Who has locked a business record: a job, for as long as it is live, so that nobody has to release it; or whoever gave a
-- name of its own, until it releases it. The row of a job that is not live any more locks nothing.
create table {record_lock} (
    type text not null,
    key text not null,
    job_id bigint,
    owner text,
    is_temporary boolean not null,
    locked_at timestamptz not null,
    primary key (type, key),
    constraint record_lock_is_of_one check ((job_id is null) <> (owner is null))
);

create index record_lock_job on {record_lock} (job_id) where job_id is not null;
create index record_lock_owner on {record_lock} (owner) where owner is not null;

-- What has ended, added up by hour, queue and task; see docs/statistics.md. Up to when that was done is known for each queue and state.
create table {statistic} (
    hour timestamptz not null,
    queue text not null,
    task text not null,
    processed bigint not null,
    failed bigint not null,
    cancelled bigint not null,
    errors bigint not null,
    skipped bigint not null,
    timed bigint not null,
    duration_us bigint not null,
    primary key (hour, queue, task)
);

create table {statistic_mark} (
    queue text not null,
    state text not null,
    counted_until_us bigint not null,
    primary key (queue, state)
);

-- Locks a table of the application's, for a handler whose transaction is to begin with that: nobody else writes to it or locks rows of it
-- until the transaction ends. Its name is looked up, so that it need not be trusted.
create function {schema}.lock_table(name regclass) returns void
language plpgsql volatile
as $$
begin
    execute pg_catalog.format('lock table %s in exclusive mode', name);
end
$$;
