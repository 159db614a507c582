-- What jobs with keys, or with others to wait for, are settled by; see docs/keys.md.
-- oldest_supported: 8

-- A key whose jobs take turns. A row is here while it has jobs, and for a while after. It belongs to nobody for longer than
-- the transaction that settles who is next; its ticket names the settling one.
create table {turn} (
    scope text not null check (scope in ('serial', 'group')),
    queue text not null,
    key text not null,
    ticket bigint not null default 0,
    room integer not null default 0,
    tokens double precision,
    refilled_at timestamptz,
    next_at timestamptz,
    primary key (scope, queue, key)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

create index turn_next on {turn} (next_at) where next_at is not null;

-- News for whoever settles turns: a key has room, or a job that others wait for has ended. Appended by acks, deleted soon.
create table {freed} (
    id bigint generated always as identity primary key,
    scope text not null check (scope in ('serial', 'group', 'jobs')),
    queue text not null,
    key text not null
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

-- Which jobs a job waits for.
create table {dependency} (
    job_id bigint not null,
    on_id bigint not null,
    needs text not null check (needs in ('success', 'end')),
    primary key (job_id, on_id)
);

create index dependency_on on {dependency} (on_id);
