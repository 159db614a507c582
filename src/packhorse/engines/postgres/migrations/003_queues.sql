-- Queues as records: their settings, which workers read again when the revision changes, and the rules that lead jobs
-- into them. A queue without a row has the defaults.
-- oldest_supported: 3

-- `declared` is what the code says, `changed` what somebody set at run time, both as JSON objects. The columns below are
-- what follows from the two; the last one is when a queue that has used up its rate may go on.
create table {queue} (
    name text primary key,
    declared text not null default '{}',
    changed text not null default '{}',
    paused_at timestamptz,
    paused_by text,
    paused_reason text,
    slots integer constraint queue_slots_is_a_count check (slots >= 1),
    priority_floor smallint,
    order_policy text not null default 'deadline'
        constraint queue_order_policy_is_known check (order_policy in ('deadline', 'aging')),
    max_running integer constraint queue_max_running_is_a_count check (max_running >= 1),
    rate_count integer,
    rate_period_us bigint,
    group_max_running integer constraint queue_group_max_running_is_a_count check (group_max_running >= 1),
    group_rate_count integer,
    group_rate_period_us bigint,
    is_fair boolean not null default false,
    keep_succeeded_us bigint,
    keep_cancelled_us bigint,
    keep_failed_us bigint,
    next_at timestamptz,
    constraint queue_rate_is_whole check ((rate_count is null) = (rate_period_us is null)),
    constraint queue_group_rate_is_whole check ((group_rate_count is null) = (group_rate_period_us is null))
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

-- Of the rules whose pattern fits a task's name, the one with the longest pattern says into which queue its jobs go.
create table {route} (
    pattern text primary key,
    queue text not null,
    created_by text,
    created_at timestamptz not null
);

-- One higher with every change to {queue}, {route} or {migration}, in the same transaction.
create table {revision} (
    only_row boolean primary key default true check (only_row),
    number bigint not null
);

insert into {revision} (number) values (0);

-- Workers that sleep hear of a change at once, as they hear of a job.
create trigger revision_hint after update on {revision} for each statement execute function {schema}.hint();

-- So they learn, too, that the schema has moved on, whoever migrates it.
create function {schema}.revise() returns trigger
language plpgsql
as $$
begin
    update {revision} set number = number + 1;
    return null;
end
$$;

create trigger migration_revision after insert on {migration} for each statement execute function {schema}.revise();

-- Modules of tasks that some machine could not import, and so the tasks in them that it does not know.
create table {load_failure} (
    module text not null,
    host text not null,
    hits bigint not null,
    first_at timestamptz not null,
    last_at timestamptz not null,
    error text not null,
    primary key (module, host)
);
