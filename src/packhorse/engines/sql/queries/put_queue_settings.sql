-- Replaces a queue's settings, unless somebody else has replaced what the caller read before: then no row comes back.
-- Workers read all of them again when the revision has changed; whoever changes settings waits here for one another.
-- Groups that wait for room or for their rate are looked at again: there may be more of it now.
insert into {queue} as kept (name, declared, changed, slots, priority_floor, order_policy, max_running,
    rate_count, rate_period_us, group_max_running, group_rate_count, group_rate_period_us, is_fair,
    keep_succeeded_us, keep_cancelled_us, keep_failed_us)
values (CAST(:name AS text), CAST(:declared AS text), CAST(:changed AS text), CAST(:slots AS integer),
    CAST(:priority_floor AS smallint), CAST(:order_policy AS text), CAST(:max_running AS integer),
    CAST(:rate_count AS integer), CAST(:rate_period AS bigint), CAST(:group_max_running AS integer),
    CAST(:group_rate_count AS integer), CAST(:group_rate_period AS bigint), CAST(CAST(:fair AS integer) AS boolean),
    CAST(:keep_succeeded AS bigint), CAST(:keep_cancelled AS bigint), CAST(:keep_failed AS bigint))
on conflict (name) do update
set declared = excluded.declared, changed = excluded.changed, slots = excluded.slots,
    priority_floor = excluded.priority_floor, order_policy = excluded.order_policy,
    max_running = excluded.max_running, rate_count = excluded.rate_count, rate_period_us = excluded.rate_period_us,
    group_max_running = excluded.group_max_running, group_rate_count = excluded.group_rate_count,
    group_rate_period_us = excluded.group_rate_period_us, is_fair = excluded.is_fair,
    keep_succeeded_us = excluded.keep_succeeded_us, keep_cancelled_us = excluded.keep_cancelled_us,
    keep_failed_us = excluded.keep_failed_us
where kept.declared = CAST(:declared_before AS text) and kept.changed = CAST(:changed_before AS text)
returning name;

update {revision} set number = number + 1;

insert into {ended} (job_id, queue, group_key)
select 0, turn.queue, turn.key
from {turn} as turn
where turn.scope = 'group' and turn.queue = CAST(:name AS text) and exists (
    select 1 from {job} as waiting
    where waiting.queue = turn.queue and waiting.group_key = turn.key
      and waiting.waits_for = 'group'
)
