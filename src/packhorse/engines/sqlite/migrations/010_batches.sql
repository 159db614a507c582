-- Batches: jobs that belong together, counted as they come and end; see docs/batches.md.
-- oldest_supported: 10

-- Only whoever counts, gives it up or forgets it writes a row after its creation; `reason` says who has given it up, and why. `on_success`, `on_failure` and `on_end` are jobs, as JSON, until they
-- are enqueued; `on_each` is one that is enqueued for each of its jobs. One with `forgotten_at` is gone for everybody; its rows go a little at a time.
create table {batch} (
    id integer primary key autoincrement,
    name text not null,
    type text,
    parent_id integer,
    expected integer check (expected >= 0),
    reason text,
    keep_alive_us integer check (keep_alive_us >= 0),
    created_at integer not null,
    first_enqueued_at integer,
    last_enqueued_at integer,
    last_processed_at integer,
    last_job_id integer,
    enqueued integer not null default 0,
    succeeded integer not null default 0,
    failed integer not null default 0,
    cancelled integer not null default 0,
    closed_at integer,
    ended_at integer,
    forgotten_at integer,
    on_success text,
    on_failure text,
    on_end text,
    on_each text
) strict;

create index packhorse_batch_open on {batch} (id) where ended_at is null;
create index packhorse_batch_forgotten on {batch} (id) where forgotten_at is not null;

-- Which batch a job is in, and what it was counted as there. Producers only insert; `number` is its place in the batch, from 1. Of
-- an untold one `on_each` is to be enqueued when it has ended, and all before it.
create table {member} (
    job_id integer primary key,
    batch_id integer not null,
    number integer,
    enqueued_at integer not null,
    counted_as text check (counted_as in ('enqueued', 'succeeded', 'failed', 'cancelled')),
    is_deleted integer not null default 0 check (is_deleted in (0, 1)),
    is_untold integer not null default 0 check (is_untold in (0, 1))
) strict;

create index packhorse_member_of_batch on {member} (batch_id, job_id);
create index packhorse_member_uncounted on {member} (batch_id, job_id) where counted_as is null;
create index packhorse_member_untold on {member} (batch_id, number) where is_untold;
create index packhorse_member_unsuccessful on {member} (batch_id, job_id) where counted_as in ('failed', 'cancelled');

-- News of a batch: jobs have come into it, or, with a time, nothing more will.
alter table {ended} add column batch_id integer;
alter table {ended} add column closed_at integer;

create index packhorse_ended_batch on {ended} (batch_id) where batch_id is not null;

create trigger packhorse_member_comes after insert on {member}
begin
    insert into {ended} (batch_id)
    select new.batch_id
    where not exists (select 1 from {ended} where batch_id = new.batch_id);
end;

-- Enqueueing into a batch in plain SQL: as {enqueue}, with the batch's id. A job that is found by its unique key may be in another batch, so
-- that here none is.
create view {enqueue_in_batch} as
select 0 as batch, task, args, kwargs, queue, priority, delay, scheduled_at, expected_at, expected_in, max_attempts, meta, unique_key,
    unique_until, serial_key, group_key, after, after_needs, responsible
from {enqueue};

create trigger {enqueue_in_batch}_insert instead of insert on {enqueue_in_batch}
begin
    select case when not exists (select 1 from {batch} where id = new.batch and forgotten_at is null)
        then raise(abort, 'packhorse: batch must be the id of a batch that is there') end;
    insert into {enqueue} (task, args, kwargs, queue, priority, delay, scheduled_at, expected_at, expected_in, max_attempts, meta, unique_key,
        unique_until, serial_key, group_key, after, after_needs, responsible)
    values (new.task, new.args, new.kwargs, new.queue, new.priority, new.delay, new.scheduled_at, new.expected_at, new.expected_in,
        new.max_attempts, new.meta, new.unique_key, new.unique_until, new.serial_key, new.group_key, new.after, new.after_needs,
        new.responsible);
    update {job} set is_awaited = 1 where id = (select max(id) from {job});
    insert into {member} (job_id, batch_id, enqueued_at) select max(id), new.batch, {now} from {job};
end;
