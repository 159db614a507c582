-- Makes scheduled jobs that are due available, the longest overdue first.
-- Every worker does it, so rows that somebody else has locked are left to them.
update {job}
set state = 'available'
where id {any_of}
    select id from {job}
    where state = 'scheduled' and scheduled_at <= {now}
    order by scheduled_at
    limit CAST(:limit AS bigint) {skip_locked}
))
returning id
