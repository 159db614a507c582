-- The queues that have a record.
select name, declared, changed, {micros}(paused_at), paused_by, paused_reason, in_use
from {queue}
where name = CAST(:name AS text)   -- with :name
order by name
