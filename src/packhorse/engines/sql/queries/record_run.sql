-- Records what a tick, or somebody by hand, has started, and when it will have taken too long.
insert into {schedule_run} (schedule, tick, job_id, fired_at, fired_by, alarm_at)
values (CAST(:name AS text), {at}(CAST(:tick AS bigint)), CAST(:job AS bigint), {now}, CAST(:fired_by AS text),
    {now} + CAST(:alarm_after AS bigint) {us})
