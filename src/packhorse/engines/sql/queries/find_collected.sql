-- The last package that a collector has begun in this transaction, or, where transactions have no numbers, in any of which this
-- one sees it: there is one writer at a time, so it is this one's exactly if nobody else sees it. One that has run already,
-- which it can have in a test whose transaction never ends, is none.
select max(package.job_id)
from {package} as package
where package.collector = CAST(:collector AS text) and package.collected_in = {transaction_id}
  and exists (select 1 from {job} as job where job.id = package.job_id and job.attempt = 0)
