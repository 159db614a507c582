-- How many of the jobs that have not ended are of each queue and task, and which runs are behind them: of as many as are read at once,
-- in no order. Takes no lock.
select queue, task, count(*), CAST(sum(failures + crashes) AS bigint), CAST(sum(skips) AS bigint)
from (select queue, task, failures, crashes, skips from {job} as job limit CAST(:limit AS bigint)) as live
group by queue, task
