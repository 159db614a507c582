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
    meta text default null
) returns bigint
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    moment timestamptz := {now};
    due_at timestamptz := coalesce(scheduled_at, moment + delay);
    wanted_at timestamptz := coalesce(expected_at, moment + expected_in);
    new_id bigint;
begin
    perform {schema}.check_call(task, args, kwargs, queue, priority, delay, scheduled_at, expected_at, expected_in,
        max_attempts, meta);
    insert into {job} (task, queue, state, priority, order_at, scheduled_at, expected_at, enqueued_at,
        args, kwargs, meta, max_attempts)
    values (task, queue, case when due_at > moment then 'scheduled' else 'available' end, priority,
        coalesce(wanted_at, due_at, moment), due_at, wanted_at, moment, args, kwargs, meta, max_attempts)
    returning id into new_id;
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
    meta text default null
) returns bigint
language sql volatile
as $$
    select {schema}.enqueue(task, CAST(args AS text), CAST(kwargs AS text), queue, priority, delay, scheduled_at,
        expected_at, expected_in, max_attempts, meta)
$$;
