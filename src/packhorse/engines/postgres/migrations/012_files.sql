-- Files that appear with a commit: what is known of them until they are in place; see docs/files.md.
-- oldest_supported: 11

-- Transactions that have files and have committed, and tokens of those that may not any more.
create table {file_commit} (
    token text primary key,
    address text not null,
    is_void boolean not null,
    made_at timestamptz not null
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- What becomes of a name, by the last commit that wrote it: a staged file gets the name, or stands for the deletion.
create table {file_change} (
    place text not null,
    name text not null,
    token text not null,
    staged integer not null,
    is_deletion boolean not null,
    primary key (place, name)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

create index file_change_of_commit on {file_change} (token);
