-- Lets a paused schedule go on from now, if nobody has changed it since it was read.
update {schedule}
set paused_at = null, paused_by = null, pause_reason = null, settled_at = {at}(CAST(:settled_at AS bigint)),
    next_at = {at}(CAST(:next_at AS bigint)), revision = revision + 1
where name = CAST(:name AS text) and revision = CAST(:revision AS bigint)
returning name
