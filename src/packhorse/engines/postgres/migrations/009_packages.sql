-- Work packages: what their jobs need beside their rows.
-- oldest_supported: 9

create table {schema}.package (job_id bigint primary key);
