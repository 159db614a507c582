-- Deletes the oldest of the finished jobs that need not be kept any more, with all that belongs to them, and counts them.
-- One that has not succeeded stays while others are recorded that were to wait for its success.
-- With :named it is the jobs of batches that were forgotten; what has ended since then is no more of the batch, and stays.
-- A row that somebody else has locked is passed over: it is being retried, or another pruner has it. The scan of the index
-- starts where the chunk before ended, so that what was deleted is not walked again while vacuum has not been round.
with old as materialized (
    select id, finished_at as at from {finished} as past   -- without :dismissed
    select id, dismissed_at as at from {finished} as past   -- with :dismissed
    where id in (select CAST(value AS bigint) from {ids}) and finished_at <= {at}(CAST(:until AS bigint))   -- with :named
    where queue = CAST(:queue AS text) and state = CAST(:state AS text) and {prunable(past)}   -- without :named
      -- without :dismissed :named
      and finished_at >= {at}(CAST(:since AS bigint)) and finished_at <= {at}(CAST(:until AS bigint))
    order by finished_at
      -- end
      -- with :dismissed
      and dismissed_at >= {at}(CAST(:since AS bigint)) and dismissed_at <= {at}(CAST(:until AS bigint))
    order by dismissed_at
      -- end
    limit CAST(:limit AS bigint)   -- without :named
    for update skip locked
), gone as (
    delete from {finished} where id = any (array(select id from old)) returning id, queue, state
), counted as (
    insert into {tally} (queue, state, kept, ended)
    select queue, state, -count(*), 0 from gone group by queue, state
), attempts as (
    delete from {attempt} where job_id = any (array(select id from old))
), lines as (
    delete from {job_log} where job_id = any (array(select id from old))
), reports as (
    delete from {progress} where job_id = any (array(select id from old))
), members as (
    delete from {member} where job_id = any (array(select id from old))   -- without :named
    delete from {member} where job_id in (select CAST(value AS bigint) from {ids})   -- with :named
), dependencies as (
    delete from {dependency} where job_id = any (array(select id from old))
), elements as (
    delete from {element} where job_id = any (array(select id from old))
), packages as (
    delete from {package} where job_id = any (array(select id from old))
), locks as (
    delete from {record_lock}
    where (type, key) in (
        select type, key from {record_lock} where job_id = any (array(select id from old)) for update skip locked
    )
)
select gone.id, {micros}(old.at) from gone join old using (id)
