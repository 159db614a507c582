-- What whoever keeps the schedules needs to know before it sleeps: one row. Takes no lock. Schedules are few: they are
-- walked, and a clock that was corrected by more than :correction is found at once.
select {micros}({now}),
    (select count(*) from {schedule}
     where paused_at is null and undeclared_at is null
       and (next_at <= {now} or waiting <> '[]' or settled_at > {now} + CAST(:correction AS bigint) {us})),
    (select {micros}(min(next_at)) from {schedule}
     where paused_at is null and undeclared_at is null and next_at > {now}),
    (select count(*) from (select id from {schedule_run} where ended_at is null limit 1) as one)
