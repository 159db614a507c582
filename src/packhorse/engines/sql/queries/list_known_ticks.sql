-- Which of these ticks have started a run already: only after the clock was set back are there any. The schedule's row
-- is locked by then.
select {micros}(tick)
from {schedule_run}
where schedule = CAST(:name AS text)
  and tick in (select {at}(CAST(value AS bigint)) from {ids})
