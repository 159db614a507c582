-- The queues that have a record.
select name, declared, changed, {micros}(paused_at), paused_by, paused_reason
from {queue}
where name = CAST(:name AS text)   -- with :name
order by name
