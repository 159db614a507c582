-- Adds what was added up of a queue and state to the figures, and moves its mark; where somebody else has moved the mark since, nothing
-- is added. The mark is locked for that.
insert into {statistic_mark} (queue, state, counted_until_us)
select CAST(:queue AS text), CAST(:state AS text), CAST(:since AS bigint)
where 0 = 0
on conflict do nothing;

select counted_until_us from {statistic_mark}
where queue = CAST(:queue AS text) and state = CAST(:state AS text)
{wait_for_lock};

insert into {statistic} as kept (hour, queue, task, processed, failed, cancelled, errors, skipped, timed, duration_us)
select {at}(named.hour), CAST(:queue AS text), named.task, named.processed, named.failed, named.cancelled, named.errors, named.skipped,
    named.timed, named.duration
from {figures}
where exists (
    select 1 from {statistic_mark} as mark
    where mark.queue = CAST(:queue AS text) and mark.state = CAST(:state AS text)
      and mark.counted_until_us <= CAST(:since AS bigint)
)
order by named.hour, named.task
on conflict (hour, queue, task) do update
set processed = kept.processed + excluded.processed, failed = kept.failed + excluded.failed,
    cancelled = kept.cancelled + excluded.cancelled, errors = kept.errors + excluded.errors,
    skipped = kept.skipped + excluded.skipped, timed = kept.timed + excluded.timed,
    duration_us = kept.duration_us + excluded.duration_us;

update {statistic_mark} set counted_until_us = CAST(:until AS bigint)
where queue = CAST(:queue AS text) and state = CAST(:state AS text) and counted_until_us <= CAST(:since AS bigint)
