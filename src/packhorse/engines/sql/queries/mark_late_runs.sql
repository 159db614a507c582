-- Records that runs take too long. Of two that find so at once the second changes nothing.
update {schedule_run}
set late_at = {now}
where late_at is null and ended_at is null
  and id in (select CAST(value AS bigint) from {ids})
returning id
