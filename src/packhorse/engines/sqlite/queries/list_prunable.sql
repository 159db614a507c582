-- The oldest of the finished jobs that need not be kept any more, and since when; or which of :ids are such.
-- One that has not succeeded stays while others are recorded that were to wait for its success.
select id, finished_at from {finished} as past   -- without :dismissed
select id, dismissed_at from {finished} as past   -- with :dismissed
where queue = :queue and state = :state and {prunable(past)}
  and finished_at between :since and :until   -- without :dismissed
  and dismissed_at between :since and :until   -- with :dismissed
  and id in (select value from {ids})   -- with :named
order by finished_at, id   -- without :dismissed
order by dismissed_at, id   -- with :dismissed
limit :limit
