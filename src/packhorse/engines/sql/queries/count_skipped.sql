-- Counts the ticks that came to nothing with the latest run, which kept them from running.
update {schedule_run}
set skipped = skipped + CAST(:skipped AS integer)
where id = (select max(latest.id) from {schedule_run} as latest where latest.schedule = CAST(:name AS text))
