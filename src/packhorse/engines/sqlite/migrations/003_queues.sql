-- Queues as records: their settings, which workers read again when the revision changes, and the rules that lead jobs
-- into them. A queue without a row has the defaults.
-- oldest_supported: 3

-- `declared` is what the code says, `changed` what somebody set at run time, both as JSON objects. The columns below are
-- what follows from the two; the last one is when a queue that has used up its rate may go on.
create table {queue} (
    name text primary key,
    declared text not null default '{}',
    changed text not null default '{}',
    paused_at integer,
    paused_by text,
    paused_reason text,
    slots integer constraint queue_slots_is_a_count check (slots >= 1),
    priority_floor integer,
    order_policy text not null default 'deadline'
        constraint queue_order_policy_is_known check (order_policy in ('deadline', 'aging')),
    max_running integer constraint queue_max_running_is_a_count check (max_running >= 1),
    rate_count integer,
    rate_period_us integer,
    group_max_running integer constraint queue_group_max_running_is_a_count check (group_max_running >= 1),
    group_rate_count integer,
    group_rate_period_us integer,
    is_fair integer not null default 0 check (is_fair in (0, 1)),
    keep_succeeded_us integer,
    keep_cancelled_us integer,
    keep_failed_us integer,
    next_at integer,
    constraint queue_rate_is_whole check ((rate_count is null) = (rate_period_us is null)),
    constraint queue_group_rate_is_whole check ((group_rate_count is null) = (group_rate_period_us is null))
) strict, without rowid;

-- Of the rules whose pattern fits a task's name, the one with the longest pattern says into which queue its jobs go.
create table {route} (
    pattern text primary key,
    queue text not null,
    created_by text,
    created_at integer not null
) strict;

-- One higher with every change to {queue}, {route} or {migration}, in the same transaction.
create table {revision} (
    only_row integer primary key check (only_row = 1),
    number integer not null
) strict;

insert into {revision} (only_row, number) values (1, 0);

-- So workers learn that the schema has moved on, whoever migrates it.
create trigger packhorse_migration_revision after insert on {migration}
begin
    update {revision} set number = number + 1;
end;

-- Modules of tasks that some machine could not import, and so the tasks in them that it does not know.
create table {load_failure} (
    module text not null,
    host text not null,
    hits integer not null,
    first_at integer not null,
    last_at integer not null,
    error text not null,
    primary key (module, host)
) strict, without rowid;
