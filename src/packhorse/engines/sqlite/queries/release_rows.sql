-- The rows in quarantine that are put back into their table in this transaction.
update {row_end}
set outcome = 'released', decided_by = :by, ended_at = {now}
where queue_table = :table and outcome = 'fail' and id in (select value from {ids})
returning id, data
