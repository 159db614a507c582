-- What jobs with keys, or with others to wait for, are settled by; see docs/keys.md.
-- oldest_supported: 8

-- A key whose jobs take turns: the lock under which it is settled who is next. A row is here while the key has jobs, and
-- for a while after. `holder` is the job that has, or was the last to have, a serial key; `room` is of groups. All that wait
-- and have a place have none higher than `last_place`; a job's place is its id, unless it came when that was too low.
create table {turn} (
    scope text not null check (scope in ('serial', 'group')),
    queue text not null,
    key text not null,
    holder bigint,
    last_place bigint not null default 0,
    room integer not null default 0,
    next_at timestamptz,
    primary key (scope, queue, key)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

create index turn_next on {turn} (next_at) where next_at is not null;

-- Jobs that have come to a gate and are not settled yet: they get their place behind those of the same key that came before,
-- or, at the gate `jobs`, it is looked whether what they wait for has ended. A trigger notes them, so that no job comes to a gate in silence.
create table {arrival} (
    gate text not null check (gate in ('jobs', 'serial', 'group')),
    job_id bigint not null,
    queue text not null,
    key text not null,
    primary key (gate, job_id)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

-- With its owner's rights: whoever may store a job need not have any to this table.
create function {schema}.note_arrival() returns trigger
language plpgsql
security definer set search_path = pg_catalog, pg_temp
as $$
begin
    insert into {arrival} (gate, job_id, queue, key)
    values (new.gate, new.id, case when new.gate = 'group' then new.queue else '' end,
        case new.gate when 'serial' then new.serial_key when 'group' then new.group_key else '' end)
    on conflict do nothing;
    return null;
end
$$;

create trigger job_arrives after insert on {job}
for each row when (new.waits_for = new.gate) execute function {schema}.note_arrival();

create trigger job_comes_to_a_gate after update of waits_for, gate on {job}
for each row when (
    new.waits_for = new.gate and (old.waits_for is distinct from new.waits_for or old.gate is distinct from new.gate)
) execute function {schema}.note_arrival();

-- Jobs that have ended and that others wait for: by name, or, where no acknowledgement has settled it, by a key. News for
-- whoever settles who is next; soon deleted.
create table {ended} (
    id bigint generated always as identity primary key,
    job_id bigint,
    queue text,
    serial_key text,
    group_key text
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

-- When jobs of a queue with a rate started (the key is empty), and those of a group with a rate that have ended since, for
-- as long as it counts.
create table {start} (
    queue text not null,
    key text not null,
    started_at timestamptz not null,
    number integer not null
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

create index start_of_key on {start} (queue, key, started_at);

-- Which jobs a job waits for.
create table {dependency} (
    job_id bigint not null,
    on_id bigint not null,
    needs text not null check (needs in ('success', 'end')),
    primary key (job_id, on_id)
);

create index dependency_on on {dependency} (on_id);

-- Lets the next job of each of these serial keys, given in order, go on where nobody has the key; of the ones that do, the
-- queues. The keys are locked first, in that order, and only then it is looked who is next, by a statement that sees what others have settled
-- meanwhile. Nobody waits here for a job that somebody is cancelling, or has found by its unique key, and at the head of its
-- line nobody overtakes it: it is looked again a little later. One plan for all calls: planning would take longer than the work.
create function {schema}.promote_serial(keys text[]) returns setof text
language plpgsql
set enable_seqscan = off
set enable_bitmapscan = off
set jit = off
set plan_cache_mode = force_generic_plan
as $$
declare
    places constant tid[] := array(
        select locked.ctid
        from unnest(keys) as named (key)
        cross join lateral (
            select turn.ctid from {turn} as turn
            where turn.scope = 'serial' and turn.queue = '' and turn.key = named.key
            for update
        ) as locked
    );
begin
    return query
    with chosen as materialized (
        select held.ctid as place, next.id, next.ctid as row
        from {turn} as held
        left join lateral (
            select head.id, head.ctid from {job} as head
            where head.ctid = (
                select waiting.ctid from {job} as waiting
                where waiting.serial_key = held.key and waiting.waits_for = 'serial'
                  and coalesce(waiting.serial_place, waiting.id) <= held.last_place
                  and (
                      (waiting.id < (
                          select first.job_id from {arrival} as first
                          where first.gate = 'serial' order by first.job_id limit 1
                      )) is not false
                      or not exists (
                          select from {arrival} as fresh where fresh.gate = 'serial' and fresh.job_id = waiting.id
                      )
                  )
                order by coalesce(waiting.serial_place, waiting.id)
                limit 1
            ) and head.waits_for = 'serial'
            for update skip locked
        ) as next on true
        where held.ctid = any (places) and not exists (
            select from {job} as holder
            where holder.id = held.holder and coalesce(holder.gate, '') not in ('jobs', 'serial')
        )
    ), given as (
        update {turn} as turn
        set holder = coalesce(chosen.id, turn.holder),
            next_at = case when chosen.id is null then {now} + interval '250 milliseconds' end
        from chosen
        where turn.ctid = chosen.place and (chosen.id is not null or exists (
            select from {job} as waiting
            where waiting.serial_key = turn.key and waiting.waits_for = 'serial'
              and coalesce(waiting.serial_place, waiting.id) <= turn.last_place
              and not exists (select from {arrival} as fresh where fresh.gate = 'serial' and fresh.job_id = waiting.id)
        ))
    ), promoted as (
        update {job} as job
        set gate = case when job.group_key is not null then 'group' end,
            waits_for = case when job.group_key is not null then 'group' end,
            state = case when job.group_key is not null then 'blocked' when job.scheduled_at > {now} then 'scheduled'
                else 'available' end
        from chosen
        where job.ctid = chosen.row
        returning job.queue
    ), hint as (
        select pg_catalog.pg_notify({channel}, '')
        where exists (select from promoted) and exists (select from {worker} where wants_hints and expires_at > {now})
    )
    select promoted.queue from promoted where (select count(*) from hint) >= 0;
    update {turn} as turn
    set next_at = null
    where turn.ctid = any (array(
        select due.ctid
        from (
            select one.ctid, one.scope, one.key from {turn} as one
            where one.next_at is not null and one.next_at <= {now}
            order by one.next_at
            offset 0
        ) as due
        where due.scope = 'serial' and due.key = any (keys)
    ));
end
$$;
