-- Schedules, the runs that they have started, and which workers' code declares them.
-- oldest_supported: 3

-- `rule`, `job` and `policy` are JSON texts; whatever changes a row counts `revision` up, and is refused when somebody
-- else was there first. `next_at` is when to look again, `settled_at` until when all is settled.
create table {schedule} (
    name text primary key constraint schedule_has_a_name check (name <> ''),
    rule text not null,
    job text not null,
    policy text not null,
    fingerprint text not null,
    former text not null default '[]',
    is_declared integer not null check (is_declared in (0, 1)),
    owner text,
    revision integer not null default 1,
    changed_at integer not null,
    changed_by text,
    settled_at integer constraint schedule_settled_at_is_a_time check (settled_at between {earliest} and {latest}),
    next_at integer constraint schedule_next_at_is_a_time check (next_at between {earliest} and {latest}),
    waiting text not null default '[]',
    missed_at integer constraint schedule_missed_at_is_a_time check (missed_at between {earliest} and {latest}),
    undeclared_at integer,
    paused_at integer,
    paused_by text,
    pause_reason text
) strict;

-- A tick starts one run at most; one that was started by hand has no tick. How a run ended is copied here, because jobs
-- are pruned.
create table {schedule_run} (
    id integer primary key autoincrement,
    schedule text not null references {schedule} (name) on delete cascade,
    tick integer,
    job_id integer not null,
    fired_at integer not null,
    fired_by text,
    skipped integer not null default 0,
    alarm_at integer,
    late_at integer,
    started_at integer,
    ended_at integer,
    outcome text,
    reason text,
    error_type text,
    error_message text
) strict;

create unique index packhorse_schedule_run_tick on {schedule_run} (schedule, tick) where tick is not null;
create index packhorse_schedule_run_latest on {schedule_run} (schedule, id);
create index packhorse_schedule_run_open on {schedule_run} (id) where ended_at is null;

create table {schedule_declaration} (
    worker_id integer not null references {worker} (id) on delete cascade,
    name text not null,
    fingerprint text not null,
    primary key (worker_id, name)
) strict, without rowid;

create index packhorse_schedule_declaration_name on {schedule_declaration} (name);
