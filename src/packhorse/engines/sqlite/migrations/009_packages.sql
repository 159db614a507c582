-- Work packages: what a job over business records has beside it, under the job's own id, whether it is live or finished.
-- oldest_supported: 9

create table {package} (
    job_id integer primary key,
    parameters text not null default '{}',
    correlation text,
    locks integer not null default 0,
    collector text,
    collected_in integer
) strict;

create index packhorse_package_correlation on {package} (correlation, job_id) where correlation is not null;

-- What gathers records in a transaction finds the package that it has begun there.
create index packhorse_package_collected on {package} (collector, collected_in, job_id) where collector is not null;

-- The records that a package is about, each once, in order, and what has become of each: none yet while `outcome` is null.
create table {element} (
    job_id integer not null,
    position integer not null,
    type text not null,
    key text not null,
    outcome text check (outcome in ('done', 'failed', 'skipped')),
    reason text,
    primary key (job_id, position),
    unique (job_id, type, key)
) strict, without rowid;

create index packhorse_element_record on {element} (type, key, job_id);

-- Who has locked a business record: a job, for as long as it is live, so that nobody has to release it; or whoever gave a
-- name of its own, until it releases it. The row of a job that is not live any more locks nothing.
create table {record_lock} (
    type text not null,
    key text not null,
    job_id integer,
    owner text,
    is_temporary integer not null,
    locked_at integer not null,
    primary key (type, key),
    check ((job_id is null) <> (owner is null))
) strict, without rowid;

create index packhorse_record_lock_job on {record_lock} (job_id) where job_id is not null;
create index packhorse_record_lock_owner on {record_lock} (owner) where owner is not null;

-- What has ended, added up by hour, queue and task; see docs/statistics.md. Up to when that was done is known for each queue and state.
create table {statistic} (
    hour integer not null,
    queue text not null,
    task text not null,
    processed integer not null,
    failed integer not null,
    cancelled integer not null,
    errors integer not null,
    skipped integer not null,
    timed integer not null,
    duration_us integer not null,
    primary key (hour, queue, task)
) strict, without rowid;

create table {statistic_mark} (
    queue text not null,
    state text not null,
    counted_until_us integer not null,
    primary key (queue, state)
) strict, without rowid;
