-- The rows that are not to be worked on any more, to be removed from their table in this transaction.
select {row_whole_of}, trouble.row_key, trouble.condemned, coalesce(trouble.processor, ''),
    trouble.failures + trouble.skips + trouble.crashes, trouble.reason
from {row_trouble} as trouble
join {rows} as t on {row_is_troubled}
where trouble.queue_table = :table and trouble.condemned is not null
order by trouble.row_key
limit 100
