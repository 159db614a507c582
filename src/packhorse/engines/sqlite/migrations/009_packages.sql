-- Work packages: what their jobs need beside their rows.
-- oldest_supported: 9

create table packhorse_package (job_id integer primary key) strict;
