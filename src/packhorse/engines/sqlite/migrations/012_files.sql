-- Files that appear with a commit: what is known of them until they are in place; see docs/files.md.
-- oldest_supported: 11

-- Transactions that have files and have committed, and tokens of those that may not any more.
create table {file_commit} (
    token text primary key,
    address text not null,
    is_void integer not null check (is_void in (0, 1)),
    made_at integer not null
) strict;

-- What becomes of a name, by the last commit that wrote it: a staged file gets the name, or stands for the deletion.
create table {file_change} (
    place text not null,
    name text not null,
    token text not null,
    staged integer not null,
    is_deletion integer not null check (is_deletion in (0, 1)),
    primary key (place, name)
) strict;

create index packhorse_file_change_of_commit on {file_change} (token);
