-- The tables of jobs, workers and the installation itself. Times are whole microseconds since 1970, UTC.
-- oldest_supported: 1

create table {migration} (
    number integer primary key,
    name text not null,
    oldest_supported integer not null,
    applied_at integer not null
) strict;

-- The clock of every statement is the system's plus this offset, which only the testing kit changes.
create table {clock} (
    only_row integer primary key check (only_row = 1),
    offset_us integer not null
) strict;

insert into {clock} (only_row, offset_us) values (1, 0);

create table {installation} (
    only_row integer primary key check (only_row = 1),
    id text not null,
    created_at integer not null
) strict;

insert into {installation} (only_row, id, created_at) values (1, lower(hex(randomblob(16))), {now});

-- Live jobs only: a finished one moves to {finished}, so that this table stays as small as the backlog.
-- Its columns refuse what no worker could read, whoever writes it. Their checks name three values or more by `or`: of a
-- list of so many SQLite makes a table for every row that is written, which takes longer than all else that is checked.
create table {job} (
    id integer primary key autoincrement constraint job_id_is_positive check (id > 0),
    task text not null,
    queue text not null,
    state text not null
        check (state = 'available' or state = 'executing' or state = 'scheduled' or state = 'blocked'),
    priority integer not null constraint job_priority_is_small check (priority between -32768 and 32767),
    order_at integer not null constraint job_order_at_is_a_time check (order_at between {earliest} and {latest}),
    scheduled_at integer constraint job_scheduled_at_is_a_time check (scheduled_at between {earliest} and {latest}),
    expected_at integer constraint job_expected_at_is_a_time check (expected_at between {earliest} and {latest}),
    enqueued_at integer not null
        constraint job_enqueued_at_is_a_time check (enqueued_at between {earliest} and {latest}),
    args text not null default '[]',
    kwargs text,
    meta text,
    max_attempts integer constraint job_max_attempts_is_a_count check (max_attempts between 0 and {highest_count}),
    attempt integer not null default 0 constraint job_attempt_is_a_count check (attempt between 0 and {highest_count}),
    failures integer not null default 0
        constraint job_failures_is_a_count check (failures between 0 and {highest_count}),
    skips integer not null default 0 constraint job_skips_is_a_count check (skips between 0 and {highest_count}),
    crashes integer not null default 0 constraint job_crashes_is_a_count check (crashes between 0 and {highest_count}),
    worker_id integer,
    lease_number integer,
    started_at integer constraint job_started_at_is_a_time check (started_at between {earliest} and {latest}),
    reason text,
    waits_for text,
    unique_key text,
    unique_until text check (unique_until in ('start', 'end')),
    serial_key text,
    group_key text,
    gate text check (gate = 'jobs' or gate = 'serial' or gate = 'group'),
    serial_place integer,
    group_place integer,
    has_permit integer not null default 0 check (has_permit in (0, 1)),
    is_awaited integer not null default 0 check (is_awaited in (0, 1)),
    responsible text,
    cancel_at integer,
    cancelled_by text,
    error_type text,
    error_message text,
    error_traceback text,
    constraint job_executing_is_leased
        check ((state = 'executing') = (worker_id is not null and lease_number is not null)),
    constraint job_blocked_waits check ((state = 'blocked') = (waits_for is not null)),
    constraint job_scheduled_has_time check (state <> 'scheduled' or scheduled_at is not null),
    constraint job_unique_key_has_an_end check ((unique_key is null) = (unique_until is null))
) strict;

create index packhorse_job_claim on {job} (queue, priority, order_at, id) where state = 'available' and crashes = 0;
create index packhorse_job_suspects on {job} (queue, priority, order_at, id) where state = 'available' and crashes > 0;
create index packhorse_job_due on {job} (scheduled_at) where state = 'scheduled';
create index packhorse_job_executing on {job} (worker_id, lease_number) where state = 'executing';
create index packhorse_job_asked_to_stop on {job} (worker_id) where state = 'executing' and cancel_at is not null;
create unique index packhorse_job_unique on {job} (task, unique_key)
    where unique_key is not null and (started_at is null or unique_until = 'end');
create index packhorse_job_parked on {job} (task) where state = 'blocked' and waits_for = 'task';
create index packhorse_job_serial on {job} (serial_key, coalesce(serial_place, id)) where waits_for = 'serial';
create index packhorse_job_group on {job} (queue, group_key, coalesce(group_place, id)) where waits_for = 'group';
create index packhorse_job_group_members on {job} (queue, group_key) where group_place = 0;
create index packhorse_job_permits on {job} (queue) where has_permit = 1;

-- Appended once, and changed only when a person dismisses a failed job. It shares its ids with {job}, whose columns have been checked.
create table {finished} (
    id integer primary key,
    task text not null,
    queue text not null,
    state text not null check (state = 'succeeded' or state = 'failed' or state = 'cancelled'),
    priority integer not null,
    order_at integer not null,
    scheduled_at integer,
    expected_at integer,
    enqueued_at integer not null,
    started_at integer,
    finished_at integer not null,
    args text not null,
    kwargs text,
    meta text,
    max_attempts integer,
    attempt integer not null,
    failures integer not null,
    skips integer not null,
    crashes integer not null,
    unique_key text,
    unique_until text,
    serial_key text,
    group_key text,
    responsible text,
    worker text,
    reason text,
    result text,
    error_type text,
    error_message text,
    error_traceback text,
    dismissed_at integer,
    dismissed_by text,
    dismissal text
) strict;

create index packhorse_finished_state on {finished} (queue, state, finished_at);
create index packhorse_finished_unsuccessful on {finished} (id) where state <> 'succeeded';
create index packhorse_finished_inbox on {finished} (id) where state = 'failed' and dismissed_at is null;

-- How many of a queue's jobs lie in {finished} in a state, and how many ever ended in it. Whoever moves jobs there or away
-- counts them in the same transaction; there is but one writer at a time, so none waits for another because of it.
create table {tally} (
    queue text not null,
    state text not null,
    kept integer not null,
    ended integer not null,
    primary key (queue, state)
) strict, without rowid;

-- The runs that did not succeed.
create table {attempt} (
    job_id integer not null,
    attempt integer not null,
    worker text,
    started_at integer,
    ended_at integer not null,
    outcome text not null,
    reason text,
    error_type text,
    error_message text,
    error_traceback text
) strict;

create index packhorse_attempt_job on {attempt} (job_id);

create table {worker} (
    id integer primary key,
    name text not null,
    queues text not null,
    started_at integer not null
        constraint worker_started_at_is_a_time check (started_at between {earliest} and {latest}),
    expires_at integer not null
        constraint worker_expires_at_is_a_time check (expires_at between {earliest} and {latest}),
    wants_hints integer not null default 0
) strict;

create table {worker_task} (
    worker_id integer not null references {worker} (id) on delete cascade,
    task text not null,
    primary key (worker_id, task)
) strict, without rowid;

create table {leader} (
    name text primary key,
    worker_id integer not null,
    expires_at integer not null
) strict, without rowid;
