-- The last package that a collector has begun in this transaction, or, where transactions have no numbers, in any of which this
-- one sees it: there is one writer at a time, so it is this one's exactly if nobody else sees it.
select max(job_id) from {package} where collector = CAST(:collector AS text) and collected_in = {transaction_id}
