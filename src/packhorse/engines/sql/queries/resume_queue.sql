-- Ends the pause of a queue.
update {queue} set paused_at = null, paused_by = null, paused_reason = null
where name = CAST(:name AS text) and paused_at is not null
returning name;

update {revision} set number = number + 1
