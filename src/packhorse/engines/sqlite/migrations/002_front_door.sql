-- Enqueueing in plain SQL, from the sqlite3 shell, a trigger, or any language:
--     insert into packhorse_enqueue (task, args, queue, delay) values ('shop.jobs.send_invoice', '[42]', 'billing', 300)
-- delay and expected_in are seconds; scheduled_at and expected_at are ISO 8601 texts or seconds since 1970.
-- oldest_supported: 1

create view {enqueue} as
select '' as task, '[]' as args, null as kwargs, 'default' as queue, 5 as priority, null as delay, null as scheduled_at,
    null as expected_at, null as expected_in, null as max_attempts, null as meta, null as unique_key,
    'start' as unique_until, 'refuse' as on_duplicate, null as serial_key, null as group_key, null as after,
    'success' as after_needs, null as responsible
where 0;

create trigger {enqueue}_insert instead of insert on {enqueue}
begin
    select case
        when coalesce(typeof(new.task) <> 'text' or new.task = '', 1)
            then raise(abort, 'packhorse: task must name a task')
        when new.args is not null and case when json_valid(new.args) then json_type(new.args) end is not 'array'
            then raise(abort, 'packhorse: args must be a JSON array')
        when new.kwargs is not null and case when json_valid(new.kwargs) then json_type(new.kwargs) end is not 'object'
            then raise(abort, 'packhorse: kwargs must be a JSON object')
        when new.meta is not null and case when json_valid(new.meta) then json_type(new.meta) end is not 'object'
            then raise(abort, 'packhorse: meta must be a JSON object')
        when new.queue is not null and (typeof(new.queue) <> 'text' or length(new.queue) not between 1 and 63
                or new.queue glob '*[^A-Za-z0-9_.:-]*' or new.queue not glob '[A-Za-z0-9]*')
            then raise(abort, 'packhorse: queue must be up to 63 letters, digits and _ . : -, beginning with a letter or digit')
        when new.priority is not null
                and (typeof(new.priority) <> 'integer' or new.priority not between -32768 and 32767)
            then raise(abort, 'packhorse: priority must be from -32768 to 32767')
        when new.delay is not null and new.scheduled_at is not null
            then raise(abort, 'packhorse: give delay or scheduled_at, not both')
        when new.expected_in is not null and new.expected_at is not null
            then raise(abort, 'packhorse: give expected_in or expected_at, not both')
        when new.delay is not null
                and (typeof(new.delay) not in ('integer', 'real') or new.delay not between 0 and 315360000)
            then raise(abort, 'packhorse: delay must be seconds, from 0 to ten years')
        when new.expected_in is not null
                and (typeof(new.expected_in) not in ('integer', 'real') or new.expected_in not between 0 and 315360000)
            then raise(abort, 'packhorse: expected_in must be seconds, from 0 to ten years')
        when new.max_attempts is not null
                and (typeof(new.max_attempts) <> 'integer' or new.max_attempts not between 1 and 10000)
            then raise(abort, 'packhorse: max_attempts must be from 1 to 10000')
        when new.scheduled_at is not null and not coalesce(case typeof(new.scheduled_at)
                when 'text' then new.scheduled_at like '____-__-__%'
                    and julianday(new.scheduled_at) between 2440587.5 and 5373119.5
                when 'blob' then 0
                else new.scheduled_at between 0 and 253370764800 end, 0)
            then raise(abort, 'packhorse: scheduled_at must be an ISO 8601 text or seconds since 1970, before 9999')
        when new.expected_at is not null and not coalesce(case typeof(new.expected_at)
                when 'text' then new.expected_at like '____-__-__%'
                    and julianday(new.expected_at) between 2440587.5 and 5373119.5
                when 'blob' then 0
                else new.expected_at between 0 and 253370764800 end, 0)
            then raise(abort, 'packhorse: expected_at must be an ISO 8601 text or seconds since 1970, before 9999')
        when new.unique_key is not null and (typeof(new.unique_key) <> 'text' or length(new.unique_key) not between 1 and 200
                or new.unique_key glob '*[' || char(1) || '-' || char(31) || char(127) || ']*')
            then raise(abort, 'packhorse: unique_key must be 1 to 200 characters')
        when new.serial_key is not null and (typeof(new.serial_key) <> 'text' or length(new.serial_key) not between 1 and 200
                or new.serial_key glob '*[' || char(1) || '-' || char(31) || char(127) || ']*')
            then raise(abort, 'packhorse: serial_key must be 1 to 200 characters')
        when new.group_key is not null and (typeof(new.group_key) <> 'text' or length(new.group_key) not between 1 and 200
                or new.group_key glob '*[' || char(1) || '-' || char(31) || char(127) || ']*')
            then raise(abort, 'packhorse: group_key must be 1 to 200 characters')
        when new.responsible is not null and (typeof(new.responsible) <> 'text' or length(new.responsible) not between 1 and 200
                or new.responsible glob '*[' || char(1) || '-' || char(31) || char(127) || ']*')
            then raise(abort, 'packhorse: responsible must be 1 to 200 characters')
        when coalesce(new.unique_until, 'start') not in ('start', 'end')
            then raise(abort, 'packhorse: unique_until must be start or end')
        when coalesce(new.on_duplicate, 'refuse') not in ('refuse', 'keep')
            then raise(abort, 'packhorse: on_duplicate must be refuse or keep')
        when new.unique_key is null and (new.unique_until <> 'start' or new.on_duplicate <> 'refuse')
            then raise(abort, 'packhorse: unique_until and on_duplicate say something of a unique_key: give one')
        when coalesce(new.after_needs, 'success') not in ('success', 'end')
            then raise(abort, 'packhorse: after_needs must be success or end')
        when new.after is not null and case when json_valid(new.after) then json_type(new.after) end is not 'array'
            then raise(abort, 'packhorse: after must be a JSON array of ids')
        when new.after is not null and json_array_length(new.after) > 1000
            then raise(abort, 'packhorse: after can name 1000 jobs at most')
        when new.after is not null and exists (
                select 1 from json_each(new.after) as named where named.type <> 'integer' or named.value < 1)
            then raise(abort, 'packhorse: after must name jobs by their ids')
        when json_array_length(new.after) > 0 and new.on_duplicate = 'keep'
            then raise(abort, 'packhorse: after can''t be combined with on_duplicate: the job that is found may have run already')
        when new.unique_key is not null and coalesce(new.on_duplicate, 'refuse') = 'refuse' and exists (
                select 1 from {job} as held
                where held.task = new.task and held.unique_key = new.unique_key
                  and (held.started_at is null or held.unique_until = 'end'))
            then raise(abort, 'packhorse: the job was not enqueued: another one of its task has its unique_key already')
    end;
    insert into {job} (task, queue, state, priority, order_at, scheduled_at, expected_at, enqueued_at,
        args, kwargs, meta, max_attempts, unique_key, unique_until, serial_key, group_key, gate, waits_for,
        responsible)
    select new.task, coalesce(new.queue, 'default'),
        case when due_at > {now} then 'scheduled' when gate is not null then 'blocked' else 'available' end,
        coalesce(new.priority, 5), coalesce(wanted_at, due_at, {now}), due_at, wanted_at, {now},
        coalesce(new.args, '[]'), new.kwargs, new.meta, new.max_attempts,
        new.unique_key, case when new.unique_key is not null then coalesce(new.unique_until, 'start') end,
        new.serial_key, new.group_key, gate, case when due_at > {now} then null else gate end,
        new.responsible
    from (
        select case
                when json_array_length(new.after) > 0 then 'jobs'
                when new.serial_key is not null then 'serial'
                when new.group_key is not null then 'group' end as gate,
            case
                when new.scheduled_at is null then {now} + CAST(round(new.delay * 1000000.0) AS integer)
                when typeof(new.scheduled_at) = 'text'
                    then CAST(round((julianday(new.scheduled_at) - 2440587.5) * 86400000.0) AS integer) * 1000
                else CAST(round(new.scheduled_at * 1000000.0) AS integer) end as due_at,
            case
                when new.expected_at is null then {now} + CAST(round(new.expected_in * 1000000.0) AS integer)
                when typeof(new.expected_at) = 'text'
                    then CAST(round((julianday(new.expected_at) - 2440587.5) * 86400000.0) AS integer) * 1000
                else CAST(round(new.expected_at * 1000000.0) AS integer) end as wanted_at
    )
    where not exists (
        select 1 from {job} as held
        where held.task = new.task and held.unique_key = new.unique_key
          and (held.started_at is null or held.unique_until = 'end')
    );
    insert into {dependency} (job_id, on_id, needs)
    select distinct last_insert_rowid(), named.value, coalesce(new.after_needs, 'success')
    from json_each(coalesce(new.after, '[]')) as named;
end;
