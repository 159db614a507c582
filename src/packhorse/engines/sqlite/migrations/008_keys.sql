-- What jobs with keys, or with others to wait for, are settled by; see docs/keys.md.
-- oldest_supported: 8

-- A key whose jobs take turns: the lock under which it is settled who is next. A row is here while the key has jobs, and
-- for a while after. `holder` is the job that has, or was the last to have, a serial key; `room` is of groups. All that wait
-- and have a place have none higher than `last_place`; a job's place is its id, unless it came when that was too low.
create table {turn} (
    scope text not null check (scope in ('serial', 'group')),
    queue text not null,
    key text not null,
    holder integer,
    last_place integer not null default 0,
    room integer not null default 0,
    next_at integer,
    primary key (scope, queue, key)
) strict, without rowid;

create index packhorse_turn_next on {turn} (next_at) where next_at is not null;

-- Jobs that have come to a gate and are not settled yet: they get their place behind those of the same key that came before,
-- or, at the gate `jobs`, it is looked whether what they wait for has ended. A trigger notes them, so that no job comes to a gate in silence.
create table {arrival} (
    gate text not null check (gate in ('jobs', 'serial', 'group')),
    job_id integer not null,
    queue text not null,
    key text not null,
    primary key (gate, job_id)
) strict, without rowid;

create trigger packhorse_job_arrives after insert on {job}
when new.waits_for = new.gate
begin
    insert into {arrival} (gate, job_id, queue, key)
    select new.gate, new.id, case when new.gate = 'group' then new.queue else '' end,
        case new.gate when 'serial' then new.serial_key when 'group' then new.group_key else '' end
    where not exists (select 1 from {arrival} where gate = new.gate and job_id = new.id);
end;

create trigger packhorse_job_comes_to_a_gate after update of waits_for, gate on {job}
when new.waits_for = new.gate and (old.waits_for is not new.waits_for or old.gate is not new.gate)
begin
    insert into {arrival} (gate, job_id, queue, key)
    select new.gate, new.id, case when new.gate = 'group' then new.queue else '' end,
        case new.gate when 'serial' then new.serial_key when 'group' then new.group_key else '' end
    where not exists (select 1 from {arrival} where gate = new.gate and job_id = new.id);
end;

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
