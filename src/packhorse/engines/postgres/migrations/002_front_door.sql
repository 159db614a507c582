-- Enqueueing in plain SQL, from psql, a trigger, or any language:
--     select packhorse.enqueue('shop.jobs.send_invoice', '[42]', queue => 'billing', delay => interval '5 minutes')
-- oldest_supported: 1

create function {schema}.check_call(
    task text, args text, kwargs text, queue text, priority integer, delay interval, scheduled_at timestamptz,
    expected_at timestamptz, expected_in interval, max_attempts integer, meta text
) returns void
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    problem text := case
        when coalesce(task, '') = '' then 'task must name a task'
        when args is null or json_typeof(CAST(args AS json)) <> 'array' then 'args must be a JSON array'
        when kwargs is not null and json_typeof(CAST(kwargs AS json)) <> 'object' then 'kwargs must be a JSON object'
        when meta is not null and json_typeof(CAST(meta AS json)) <> 'object' then 'meta must be a JSON object'
        when queue is null or queue !~ '^[A-Za-z0-9][A-Za-z0-9_.:-]{0,62}$'
            then 'queue must be up to 63 letters, digits and _ . : -, beginning with a letter or digit'
        when priority is null or priority not between -32768 and 32767 then 'priority must be from -32768 to 32767'
        when delay is not null and scheduled_at is not null then 'give delay or scheduled_at, not both'
        when expected_in is not null and expected_at is not null then 'give expected_in or expected_at, not both'
        when delay not between interval '0' and interval '3650 days' then 'delay must be from 0 to ten years'
        when expected_in not between interval '0' and interval '3650 days' then 'expected_in must be from 0 to ten years'
        when extract(year from scheduled_at) not between 1970 and 9998 then 'scheduled_at must be from 1970 to 9998'
        when extract(year from expected_at) not between 1970 and 9998 then 'expected_at must be from 1970 to 9998'
        when max_attempts not between 1 and 10000 then 'max_attempts must be from 1 to 10000'
    end;
begin
    if problem is not null then
        raise exception using errcode = 'invalid_parameter_value', message = 'packhorse: ' || problem;
    end if;
end
$$;

create function {schema}.check_keys(
    unique_key text, unique_until text, on_duplicate text, serial_key text, group_key text, after bigint[],
    after_needs text, responsible text
) returns void
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    problem text := case
        when unique_key !~ '^[^\x01-\x1f\x7f]{1,200}$' then 'unique_key must be 1 to 200 characters'
        when serial_key !~ '^[^\x01-\x1f\x7f]{1,200}$' then 'serial_key must be 1 to 200 characters'
        when group_key !~ '^[^\x01-\x1f\x7f]{1,200}$' then 'group_key must be 1 to 200 characters'
        when responsible !~ '^[^\x01-\x1f\x7f]{1,200}$' then 'responsible must be 1 to 200 characters'
        when coalesce(unique_until, '') not in ('start', 'end') then 'unique_until must be start or end'
        when coalesce(on_duplicate, '') not in ('refuse', 'keep') then 'on_duplicate must be refuse or keep'
        when unique_key is null and (unique_until <> 'start' or on_duplicate <> 'refuse')
            then 'unique_until and on_duplicate say something of a unique_key: give one'
        when coalesce(after_needs, '') not in ('success', 'end') then 'after_needs must be success or end'
        when cardinality(after) > 1000 then 'after can name 1000 jobs at most'
        when array_position(after, null) is not null or 0 >= any (after) then 'after must name jobs by their ids'
        when cardinality(after) > 0 and on_duplicate <> 'refuse'
            then 'after can''t be combined with on_duplicate: the job that is found may have run already'
    end;
begin
    if problem is not null then
        raise exception using errcode = 'invalid_parameter_value', message = 'packhorse: ' || problem;
    end if;
end
$$;

create function {schema}.enqueue(
    task text,
    args text default '[]',
    kwargs text default null,
    queue text default 'default',
    priority integer default 5,
    delay interval default null,
    scheduled_at timestamptz default null,
    expected_at timestamptz default null,
    expected_in interval default null,
    max_attempts integer default null,
    meta text default null,
    unique_key text default null,
    unique_until text default 'start',
    on_duplicate text default 'refuse',
    serial_key text default null,
    group_key text default null,
    after bigint[] default null,
    after_needs text default 'success',
    responsible text default null
) returns bigint
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    moment timestamptz := {now};
    due_at timestamptz := coalesce(scheduled_at, moment + delay);
    wanted_at timestamptz := coalesce(expected_at, moment + expected_in);
    is_due boolean := coalesce(due_at <= moment, true);
    gate text := case
        when cardinality(after) > 0 then 'jobs'
        when serial_key is not null then 'serial'
        when group_key is not null then 'group'
    end;
    new_id bigint;
    other_id bigint;
begin
    perform {schema}.check_call(task, args, kwargs, queue, priority, delay, scheduled_at, expected_at, expected_in,
        max_attempts, meta);
    perform {schema}.check_keys(unique_key, unique_until, on_duplicate, serial_key, group_key, after, after_needs,
        responsible);
    loop
        insert into {job} (task, queue, state, priority, order_at, scheduled_at, expected_at, enqueued_at,
            args, kwargs, meta, max_attempts, unique_key, unique_until, serial_key, group_key, gate, waits_for,
            responsible)
        values (task, queue,
            case when not is_due then 'scheduled' when gate is not null then 'blocked' else 'available' end, priority,
            coalesce(wanted_at, due_at, moment), due_at, wanted_at, moment, args, kwargs, meta, max_attempts,
            unique_key, case when unique_key is not null then unique_until end, serial_key, group_key, gate,
            case when is_due then gate end, responsible)
        on conflict do nothing
        returning id into new_id;
        if new_id is null and on_duplicate = 'keep' then
            update {job} as held
            set unique_key = held.unique_key
            where held.task = enqueue.task and held.unique_key = enqueue.unique_key
              and (held.started_at is null or held.unique_until = 'end') and held.state <> 'executing'
            returning held.id into new_id;
        end if;
        exit when new_id is not null;
        select held.id into other_id from {job} as held
        where held.task = enqueue.task and held.unique_key = enqueue.unique_key
          and (held.started_at is null or held.unique_until = 'end')
          and (on_duplicate = 'refuse' or held.state = 'executing');
        new_id := case when on_duplicate = 'keep' then other_id end;
        exit when new_id is not null;
        if other_id is not null then
            raise exception using errcode = 'unique_violation', message = format(
                'packhorse: a job of task %s with the unique key %L was not enqueued: job %s has it already',
                task, unique_key, other_id
            );
        end if;
    end loop;
    if cardinality(after) > 0 then
        insert into {dependency} (job_id, on_id, needs)
        select distinct new_id, named.id, after_needs from unnest(after) as named (id);
    end if;
    return new_id;
end
$$;

-- The same for arguments that are jsonb; they have no default, so that a call without them is never ambiguous.
create function {schema}.enqueue(
    task text,
    args jsonb,
    kwargs jsonb default null,
    queue text default 'default',
    priority integer default 5,
    delay interval default null,
    scheduled_at timestamptz default null,
    expected_at timestamptz default null,
    expected_in interval default null,
    max_attempts integer default null,
    meta text default null,
    unique_key text default null,
    unique_until text default 'start',
    on_duplicate text default 'refuse',
    serial_key text default null,
    group_key text default null,
    after bigint[] default null,
    after_needs text default 'success',
    responsible text default null
) returns bigint
language sql volatile
as $$
    select {schema}.enqueue(task, CAST(args AS text), CAST(kwargs AS text), queue, priority, delay, scheduled_at,
        expected_at, expected_in, max_attempts, meta, unique_key, unique_until, on_duplicate, serial_key, group_key,
        after, after_needs, responsible)
$$;
