-- The same table on SQLite.
create table bare_job (
    id integer primary key,
    queue text not null,
    state text not null,
    priority integer not null,
    order_at integer not null,
    args text not null,
    worker_id integer,
    lease_number integer,
    finished_at integer
);
create index bare_job_claim on bare_job (queue, priority, order_at, id) where state = 'available';
