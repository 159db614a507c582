-- Forgets the oldest runs of one schedule, beyond :kept, that have ended.
delete from {schedule_run}
where schedule = CAST(:name AS text)
  and ended_at is not null
  and id not in (
      select kept.id from {schedule_run} as kept
      where kept.schedule = CAST(:name AS text)
      order by kept.id desc
      limit CAST(:kept AS bigint)
  )
