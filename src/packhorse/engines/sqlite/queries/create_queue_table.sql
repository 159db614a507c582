-- Makes a queue table: insert and delete only, and as little about it as may be.
create table if not exists {rows} (
    id integer primary key autoincrement,
    uuid text not null default (lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-' || substr('89ab', abs(random()) % 4 + 1, 1) || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))),
    created text not null default (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    created_by text{new_columns}
)
