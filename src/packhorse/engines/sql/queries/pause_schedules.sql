-- Pauses schedules that are not paused yet. What waited for a run to end comes to nothing: it would run long afterwards.
update {schedule}
set paused_at = {now}, paused_by = CAST(:by AS text), pause_reason = CAST(:reason AS text), waiting = '[]',
    revision = revision + 1
where name in (select value from {names}) and paused_at is null
returning name
