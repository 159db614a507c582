-- Makes scheduled jobs that are due available, or has them wait at their gate, the longest overdue first.
-- Every worker does it, so rows that somebody else has locked are left to them.
update {job}
set state = case when gate is null then 'available' else 'blocked' end, waits_for = gate
where id {any_of}
    select id from {job}
    where state = 'scheduled' and scheduled_at <= {now}
    order by scheduled_at
    limit CAST(:limit AS bigint) {skip_locked}
))
returning id
