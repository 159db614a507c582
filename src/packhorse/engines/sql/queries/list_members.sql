-- Jobs of a batch, in order: of all, or of those that were counted as failed or cancelled. Takes no lock.
select job_id, number, counted_as
from {member}
where batch_id = CAST(:batch AS bigint) and job_id > CAST(:after_id AS bigint)
  and counted_as in ('failed', 'cancelled')   -- with :unsuccessful
order by batch_id, job_id
limit CAST(:limit AS bigint)
