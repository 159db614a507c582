-- Deletes the oldest of the finished jobs that need not be kept any more, with all that belongs to them, and counts them.
-- One for whose success other jobs still wait stays until these have been told.
-- Nobody else writes meanwhile and no statement asks for the time, so that each finds the same jobs.
delete from {attempt} where job_id in (
    select id from {finished} as past
    where queue = :queue and state = :state and {deletable(past)}
      and finished_at between :since and :until order by finished_at, id   -- without :dismissed
      and dismissed_at between :since and :until order by dismissed_at, id   -- with :dismissed
    limit :limit
);

delete from {job_log} where job_id in (
    select id from {finished} as past
    where queue = :queue and state = :state and {deletable(past)}
      and finished_at between :since and :until order by finished_at, id   -- without :dismissed
      and dismissed_at between :since and :until order by dismissed_at, id   -- with :dismissed
    limit :limit
);

delete from {progress} where job_id in (
    select id from {finished} as past
    where queue = :queue and state = :state and {deletable(past)}
      and finished_at between :since and :until order by finished_at, id   -- without :dismissed
      and dismissed_at between :since and :until order by dismissed_at, id   -- with :dismissed
    limit :limit
);

delete from {dependency} where job_id in (
    select id from {finished} as past
    where queue = :queue and state = :state and {deletable(past)}
      and finished_at between :since and :until order by finished_at, id   -- without :dismissed
      and dismissed_at between :since and :until order by dismissed_at, id   -- with :dismissed
    limit :limit
);

insert into {tally} (queue, state, kept, ended)
select :queue, :state, -count(*), 0
from (
    select id from {finished} as past
    where queue = :queue and state = :state and {deletable(past)}
      and finished_at between :since and :until order by finished_at, id   -- without :dismissed
      and dismissed_at between :since and :until order by dismissed_at, id   -- with :dismissed
    limit :limit
)
where true
on conflict (queue, state) do update set kept = kept + excluded.kept;

delete from {finished} where id in (
    select id from {finished} as past
    where queue = :queue and state = :state and {deletable(past)}
      and finished_at between :since and :until order by finished_at, id   -- without :dismissed
      and dismissed_at between :since and :until order by dismissed_at, id   -- with :dismissed
    limit :limit
)
returning id, finished_at   -- without :dismissed
returning id, dismissed_at   -- with :dismissed
