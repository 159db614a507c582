-- Queue tables: what is kept beside tables of the application's own whose rows are the work; see docs/queue-tables.md.
-- oldest_supported: 11

-- Which processors worker processes have for which tables, and how each one's last run ended.
create table {row_processor} (
    queue_table text not null,
    processor text not null,
    queue text not null,
    declared_at timestamptz not null,
    last_run_at timestamptz,
    last_us bigint,
    last_rows bigint,
    last_error text,
    rows_done bigint not null default 0,
    rows_failed bigint not null default 0,
    primary key (queue_table, processor)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- A row that something went wrong with: written beside the transaction that was rolled back, gone when the row is done or has left its
-- table. `marked_by` is set while it is worked on again: where it is found by somebody who has the row, that worker has died.
-- What is condemned leaves its table.
create table {row_trouble} (
    queue_table text not null,
    row_key text not null,
    failures integer not null default 0,
    skips integer not null default 0,
    crashes integer not null default 0,
    marked_by bigint,
    retry_at timestamptz not null,
    condemned text check (condemned in ('fail', 'cancel')),
    reason text,
    processor text,
    primary key (queue_table, row_key)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

create index row_trouble_due on {row_trouble} (queue_table, retry_at);
create index row_trouble_condemned on {row_trouble} (queue_table) where condemned is not null;

-- Every failure, kept though the work was rolled back.
create table {row_error} (
    id bigint generated always as identity primary key,
    queue_table text not null,
    row_key text not null,
    processor text not null,
    attempt integer not null,
    outcome text not null,
    error_type text not null,
    error_message text not null,
    error_traceback text not null,
    data text,
    log text,
    worker text,
    occurred_at timestamptz not null
);

create index row_error_of_table on {row_error} (queue_table, id);
create index row_error_of_row on {row_error} (queue_table, row_key, id);

-- Rows that have left their table: worked on, in quarantine ('fail'), or taken out of that by a person.
create table {row_end} (
    id bigint generated always as identity primary key,
    queue_table text not null,
    row_key text not null,
    outcome text not null check (outcome in ('success', 'cancel', 'fail', 'released', 'discarded')),
    processor text not null,
    attempts integer not null,
    reason text,
    data text,
    log text,
    worker text,
    job_id bigint,
    duration_us bigint,
    ended_at timestamptz not null,
    decided_by text
);

create index row_end_of_table on {row_end} (queue_table, id);
create index row_end_of_row on {row_end} (queue_table, row_key, id);
create index row_end_old on {row_end} (queue_table, outcome, ended_at);

-- Who works on a row where several transactions can't write at once; unused here.
create table {row_lease} (
    queue_table text not null,
    row_key text not null,
    worker_id bigint not null,
    lease_number bigint not null,
    primary key (queue_table, row_key)
);

create index row_lease_of_worker on {row_lease} (worker_id);

-- Fails unless it runs in the transaction of that number: what was taken in it would not be removed with the rest.
create function {schema}.fence_rows(transaction bigint) returns void
language plpgsql stable
as $$
begin
    if txid_current() <> transaction then
        raise exception using errcode = {lease_lost}, message = 'the transaction in which the rows were taken has ended';
    end if;
end
$$;
