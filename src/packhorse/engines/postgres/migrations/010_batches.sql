-- Batches: jobs that belong together, counted as they come and end; see docs/batches.md.
-- oldest_supported: 10

-- Only whoever counts, gives it up or forgets it writes a row after its creation; `reason` says who has given it up, and why. `on_success`, `on_failure` and `on_end` are jobs, as JSON, until they
-- are enqueued; `on_each` is one that is enqueued for each of its jobs. One with `forgotten_at` is gone for everybody; its rows go a little at a time.
create table {batch} (
    id bigint generated always as identity primary key,
    name text not null,
    type text,
    parent_id bigint,
    expected integer check (expected >= 0),
    reason text,
    keep_alive_us bigint check (keep_alive_us >= 0),
    created_at timestamptz not null,
    first_enqueued_at timestamptz,
    last_enqueued_at timestamptz,
    last_processed_at timestamptz,
    last_job_id bigint,
    enqueued integer not null default 0,
    succeeded integer not null default 0,
    failed integer not null default 0,
    cancelled integer not null default 0,
    closed_at timestamptz,
    ended_at timestamptz,
    forgotten_at timestamptz,
    on_success text,
    on_failure text,
    on_end text,
    on_each text
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000);

create index batch_open on {batch} (id) where ended_at is null;
create index batch_forgotten on {batch} (id) where forgotten_at is not null;

-- Which batch a job is in, and what it was counted as there. Producers only insert; `number` is its place in the batch, from 1. Of
-- an untold one `on_each` is to be enqueued when it has ended, and all before it.
create table {member} (
    job_id bigint primary key,
    batch_id bigint not null,
    number integer,
    enqueued_at timestamptz not null,
    counted_as text check (counted_as in ('enqueued', 'succeeded', 'failed', 'cancelled')),
    is_deleted boolean not null default false,
    is_untold boolean not null default false
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000);

create index member_of_batch on {member} (batch_id, job_id);
create index member_uncounted on {member} (batch_id, job_id) where counted_as is null;
create index member_untold on {member} (batch_id, number) where is_untold;
create index member_unsuccessful on {member} (batch_id, job_id) where counted_as in ('failed', 'cancelled');

-- News of a batch: jobs have come into it, or, with a time, nothing more will.
alter table {ended} add column batch_id bigint, add column closed_at timestamptz;

-- With its owner's rights: whoever may put a job into a batch need not have any to the news.
create function {schema}.note_members() returns trigger
language plpgsql
security definer set search_path = pg_catalog, pg_temp
as $$
begin
    insert into {ended} (batch_id) select distinct added.batch_id from added order by added.batch_id;
    return null;
end
$$;

create trigger members_come after insert on {member}
referencing new table as added
for each statement execute function {schema}.note_members();

-- Puts a job that was just enqueued, or any other that is recorded, into a batch: for producers in plain SQL; see docs/sql.md.
-- With its owner's rights: that others wait for a job is noted in it, which its producer may have no right to.
create function {schema}.put_into_batch(job_id bigint, batch_id bigint) returns bigint
language plpgsql volatile
security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    problem text := case
        when not exists (select from {batch} as batch where batch.id = batch_id and batch.forgotten_at is null)
            then format('no batch %s', coalesce(CAST(batch_id AS text), 'is named'))
        when exists (select from {member} as member where member.job_id = job_id)
            then format('job %s is in a batch already', job_id)
    end;
begin
    update {job} as job set is_awaited = true where job.id = job_id;
    if not found and not exists (select from {finished} as past where past.id = job_id) then
        problem := coalesce(problem, format('no job %s', coalesce(CAST(job_id AS text), 'is named')));
    end if;
    if problem is not null then
        raise exception using errcode = 'invalid_parameter_value', message = 'packhorse: ' || problem;
    end if;
    insert into {member} (job_id, batch_id, enqueued_at) values (job_id, batch_id, {now});
    return job_id;
end
$$;

revoke execute on function {schema}.put_into_batch(bigint, bigint) from public;
