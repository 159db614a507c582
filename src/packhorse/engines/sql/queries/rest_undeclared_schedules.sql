-- Lets the schedules rest that came from code and that no registered worker declares. Settled is what was settled: when a
-- worker declares them again, what they missed is judged by their policy.
update {schedule}
set undeclared_at = {now}
where is_declared and undeclared_at is null and changed_at <= {now} - CAST(:age AS bigint) {us}
  and not exists (select 1 from {schedule_declaration} as known where known.name = {schedule}.name)
returning name
