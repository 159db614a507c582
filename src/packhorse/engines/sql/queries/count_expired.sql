-- How many finished jobs of a queue and state are there whose time is over. Walks a part of an index, and takes no lock.
select count(*) from {finished}
where queue = CAST(:queue AS text) and state = CAST(:state AS text)
  -- without :dismissed
  and finished_at >= {at}(CAST(:since AS bigint)) and finished_at <= {at}(CAST(:until AS bigint))
  -- end
  -- with :dismissed
  and dismissed_at >= {at}(CAST(:since AS bigint)) and dismissed_at <= {at}(CAST(:until AS bigint))
  -- end
