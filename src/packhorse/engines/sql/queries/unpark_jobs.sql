-- Makes jobs available whose task has become known; the partial index on (waits_for, task) finds them.
-- Several workers may register the task at once: each takes the rows that the others have not locked.
update {job}
set state = case when scheduled_at > {now} then 'scheduled' when gate is null then 'available' else 'blocked' end,
    waits_for = case when scheduled_at > {now} then null else gate end,
    reason = null
where id {any_of}
    select id from {job}
    where state = 'blocked' and waits_for = 'task' and task in (select value from {names})
    limit CAST(:limit AS bigint) {skip_locked}
))
returning id
