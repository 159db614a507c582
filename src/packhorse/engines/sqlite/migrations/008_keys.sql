-- What jobs with keys, or with others to wait for, are settled by; see docs/keys.md.
-- oldest_supported: 8

-- A key whose jobs take turns: the lock under which it is settled who is next. A row is here while the key has jobs, and
-- for a while after. `holder` is the job that has, or was the last to have, a serial key; the rest is of groups.
create table {turn} (
    scope text not null check (scope in ('serial', 'group')),
    queue text not null,
    key text not null,
    holder integer,
    room integer not null default 0,
    next_at integer,
    primary key (scope, queue, key)
) strict, without rowid;

create index packhorse_turn_next on {turn} (next_at) where next_at is not null;

-- Jobs that have ended and that others wait for: by name, or, where no acknowledgement has settled it, by a key. News for
-- whoever settles who is next; soon deleted.
create table {ended} (
    id integer primary key autoincrement,
    job_id integer,
    queue text,
    serial_key text,
    group_key text
) strict;

-- When jobs of a queue with a rate started (the key is empty), and those of a group with a rate that have ended since, for
-- as long as it counts.
create table {start} (
    queue text not null,
    key text not null,
    started_at integer not null,
    number integer not null
) strict;

create index packhorse_start_of_key on {start} (queue, key, started_at);

-- Which jobs a job waits for.
create table {dependency} (
    job_id integer not null,
    on_id integer not null,
    needs text not null check (needs in ('success', 'end')),
    primary key (job_id, on_id)
) strict, without rowid;

create index packhorse_dependency_on on {dependency} (on_id);
