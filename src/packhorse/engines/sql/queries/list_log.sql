-- Lines of a job's log, a page of them, walked along the primary key. Takes no lock.
select job_id, attempt, sequence, {micros}(at), level, logger, message
from {job_log}
where job_id = CAST(:id AS bigint)
  and attempt = CAST(:attempt AS integer)   -- with :attempt
  and level >= CAST(:level AS integer)   -- with :level
  and (attempt, sequence) > (CAST(:after_attempt AS integer), CAST(:after_sequence AS bigint))   -- with :after
order by attempt, sequence
limit CAST(:limit AS bigint)
