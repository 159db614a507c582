-- What jobs with keys, or with others to wait for, are settled by; see docs/keys.md.
-- oldest_supported: 8

-- A key whose jobs take turns. A row is here while it has jobs, and for a while after. It belongs to nobody for longer than
-- the transaction that settles who is next; its ticket names the settling one.
create table {turn} (
    scope text not null check (scope in ('serial', 'group')),
    queue text not null,
    key text not null,
    ticket integer not null default 0,
    room integer not null default 0,
    tokens real,
    refilled_at integer,
    next_at integer,
    primary key (scope, queue, key)
) strict, without rowid;

create index packhorse_turn_next on {turn} (next_at) where next_at is not null;

-- News for whoever settles turns: a key has room, or a job that others wait for has ended. Appended by acks, deleted soon.
create table {freed} (
    id integer primary key autoincrement,
    scope text not null check (scope in ('serial', 'group', 'jobs')),
    queue text not null,
    key text not null
) strict;

-- Which jobs a job waits for.
create table {dependency} (
    job_id integer not null,
    on_id integer not null,
    needs text not null check (needs in ('success', 'end')),
    primary key (job_id, on_id)
) strict, without rowid;

create index packhorse_dependency_on on {dependency} (on_id);
