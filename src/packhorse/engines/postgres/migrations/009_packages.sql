-- Work packages: what a job over business records has beside it, under the job's own id, whether it is live or finished.
-- oldest_supported: 9

create table {package} (
    job_id bigint primary key,
    parameters text not null default '{}',
    correlation text
);

create index package_correlation on {package} (correlation, job_id) where correlation is not null;

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
