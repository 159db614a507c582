-- The tables of jobs, workers and the installation itself. Times are whole microseconds since 1970, UTC.
-- oldest_supported: 1

create table {migration} (
    number integer primary key,
    name text not null,
    oldest_supported integer not null,
    applied_at integer not null
);

-- The clock of every statement is the system's plus this offset, which only the testing kit changes.
create table {clock} (
    only_row integer primary key check (only_row = 1),
    offset_us integer not null
);

insert into {clock} (only_row, offset_us) values (1, 0);

create table {installation} (
    only_row integer primary key check (only_row = 1),
    id text not null,
    created_at integer not null
);

insert into {installation} (only_row, id, created_at) values (1, lower(hex(randomblob(16))), {now});

-- Live jobs only: a finished one moves to {finished}, so that this table stays as small as the backlog.
-- Its columns refuse what no worker could read, whoever writes it.
create table {job} (
    id integer primary key autoincrement constraint job_id_is_positive check (id > 0),
    task text not null constraint job_task_is_text check (typeof(task) = 'text'),
    queue text not null constraint job_queue_is_text check (typeof(queue) = 'text'),
    state text not null check (state in ('blocked', 'scheduled', 'available', 'executing')),
    priority integer not null
        constraint job_priority_is_small check (typeof(priority) = 'integer' and priority between -32768 and 32767),
    order_at integer not null
        constraint job_order_at_is_a_time
            check (typeof(order_at) = 'integer' and order_at between {earliest} and {latest}),
    scheduled_at integer
        constraint job_scheduled_at_is_a_time
            check (typeof(scheduled_at) in ('integer', 'null') and scheduled_at between {earliest} and {latest}),
    expected_at integer
        constraint job_expected_at_is_a_time
            check (typeof(expected_at) in ('integer', 'null') and expected_at between {earliest} and {latest}),
    enqueued_at integer not null
        constraint job_enqueued_at_is_a_time
            check (typeof(enqueued_at) = 'integer' and enqueued_at between {earliest} and {latest}),
    args text not null default '[]' constraint job_args_is_text check (typeof(args) = 'text'),
    kwargs text constraint job_kwargs_is_text check (typeof(kwargs) <> 'blob'),
    meta text constraint job_meta_is_text check (typeof(meta) <> 'blob'),
    max_attempts integer
        constraint job_max_attempts_is_a_count
            check (typeof(max_attempts) in ('integer', 'null') and max_attempts between 0 and {highest_count}),
    attempt integer not null default 0
        constraint job_attempt_is_a_count check (typeof(attempt) = 'integer' and attempt between 0 and {highest_count}),
    failures integer not null default 0
        constraint job_failures_is_a_count
            check (typeof(failures) = 'integer' and failures between 0 and {highest_count}),
    skips integer not null default 0
        constraint job_skips_is_a_count check (typeof(skips) = 'integer' and skips between 0 and {highest_count}),
    crashes integer not null default 0
        constraint job_crashes_is_a_count check (typeof(crashes) = 'integer' and crashes between 0 and {highest_count}),
    worker_id integer constraint job_worker_id_is_whole check (typeof(worker_id) in ('integer', 'null')),
    lease_number integer constraint job_lease_number_is_whole check (typeof(lease_number) in ('integer', 'null')),
    started_at integer
        constraint job_started_at_is_a_time
            check (typeof(started_at) in ('integer', 'null') and started_at between {earliest} and {latest}),
    reason text constraint job_reason_is_text check (typeof(reason) <> 'blob'),
    waits_for text constraint job_waits_for_is_text check (typeof(waits_for) <> 'blob'),
    error_type text constraint job_error_type_is_text check (typeof(error_type) <> 'blob'),
    error_message text constraint job_error_message_is_text check (typeof(error_message) <> 'blob'),
    error_traceback text constraint job_error_traceback_is_text check (typeof(error_traceback) <> 'blob'),
    constraint job_executing_is_leased
        check ((state = 'executing') = (worker_id is not null and lease_number is not null)),
    constraint job_blocked_waits check ((state = 'blocked') = (waits_for is not null)),
    constraint job_scheduled_has_time check (state <> 'scheduled' or scheduled_at is not null)
);

create index packhorse_job_claim on {job} (queue, priority, order_at, id) where state = 'available' and crashes = 0;
create index packhorse_job_suspects on {job} (queue, priority, order_at, id) where state = 'available' and crashes > 0;
create index packhorse_job_due on {job} (scheduled_at) where state = 'scheduled';
create index packhorse_job_executing on {job} (worker_id) where state = 'executing';
create index packhorse_job_parked on {job} (waits_for, task) where state = 'blocked';

-- Appended once and never updated. It shares its ids with {job}.
create table {finished} (
    id integer primary key constraint finished_id_is_positive check (id > 0),
    task text not null constraint finished_task_is_text check (typeof(task) = 'text'),
    queue text not null constraint finished_queue_is_text check (typeof(queue) = 'text'),
    state text not null check (state in ('succeeded', 'failed', 'cancelled')),
    priority integer not null
        constraint finished_priority_is_small
            check (typeof(priority) = 'integer' and priority between -32768 and 32767),
    order_at integer not null
        constraint finished_order_at_is_a_time
            check (typeof(order_at) = 'integer' and order_at between {earliest} and {latest}),
    scheduled_at integer
        constraint finished_scheduled_at_is_a_time
            check (typeof(scheduled_at) in ('integer', 'null') and scheduled_at between {earliest} and {latest}),
    expected_at integer
        constraint finished_expected_at_is_a_time
            check (typeof(expected_at) in ('integer', 'null') and expected_at between {earliest} and {latest}),
    enqueued_at integer not null
        constraint finished_enqueued_at_is_a_time
            check (typeof(enqueued_at) = 'integer' and enqueued_at between {earliest} and {latest}),
    started_at integer
        constraint finished_started_at_is_a_time
            check (typeof(started_at) in ('integer', 'null') and started_at between {earliest} and {latest}),
    finished_at integer not null
        constraint finished_finished_at_is_a_time
            check (typeof(finished_at) = 'integer' and finished_at between {earliest} and {latest}),
    args text not null constraint finished_args_is_text check (typeof(args) = 'text'),
    kwargs text constraint finished_kwargs_is_text check (typeof(kwargs) <> 'blob'),
    meta text constraint finished_meta_is_text check (typeof(meta) <> 'blob'),
    max_attempts integer
        constraint finished_max_attempts_is_a_count
            check (typeof(max_attempts) in ('integer', 'null') and max_attempts between 0 and {highest_count}),
    attempt integer not null
        constraint finished_attempt_is_a_count
            check (typeof(attempt) = 'integer' and attempt between 0 and {highest_count}),
    failures integer not null
        constraint finished_failures_is_a_count
            check (typeof(failures) = 'integer' and failures between 0 and {highest_count}),
    skips integer not null
        constraint finished_skips_is_a_count check (typeof(skips) = 'integer' and skips between 0 and {highest_count}),
    crashes integer not null
        constraint finished_crashes_is_a_count
            check (typeof(crashes) = 'integer' and crashes between 0 and {highest_count}),
    worker text constraint finished_worker_is_text check (typeof(worker) <> 'blob'),
    reason text constraint finished_reason_is_text check (typeof(reason) <> 'blob'),
    result text constraint finished_result_is_text check (typeof(result) <> 'blob'),
    error_type text constraint finished_error_type_is_text check (typeof(error_type) <> 'blob'),
    error_message text constraint finished_error_message_is_text check (typeof(error_message) <> 'blob'),
    error_traceback text constraint finished_error_traceback_is_text check (typeof(error_traceback) <> 'blob')
);

create index packhorse_finished_state on {finished} (queue, state, finished_at);
create index packhorse_finished_unsuccessful on {finished} (id) where state <> 'succeeded';

-- The runs that did not succeed.
create table {attempt} (
    job_id integer not null,
    attempt integer not null,
    worker text,
    started_at integer,
    ended_at integer not null,
    outcome text not null,
    reason text,
    error_type text,
    error_message text,
    error_traceback text
);

create index packhorse_attempt_job on {attempt} (job_id);

create table {worker} (
    id integer primary key,
    name text not null,
    queues text not null,
    started_at integer not null
        constraint worker_started_at_is_a_time
            check (typeof(started_at) = 'integer' and started_at between {earliest} and {latest}),
    expires_at integer not null
        constraint worker_expires_at_is_a_time
            check (typeof(expires_at) = 'integer' and expires_at between {earliest} and {latest}),
    wants_hints integer not null default 0
);

create table {worker_task} (
    worker_id integer not null references {worker} (id) on delete cascade,
    task text not null,
    primary key (worker_id, task)
) without rowid;

create table {leader} (
    name text primary key,
    worker_id integer not null,
    expires_at integer not null
) without rowid;
