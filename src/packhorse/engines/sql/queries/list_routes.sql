-- The rules that lead jobs into queues.
select pattern, queue, created_by, {micros}(created_at) from {route} order by pattern
