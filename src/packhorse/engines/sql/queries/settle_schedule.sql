-- Moves a schedule on, if nobody has done so since it was read: the first statement of the transaction that enqueues
-- what is due, so its row lock lets two that found the same tick pass one after the other, and the second comes to nothing.
update {schedule}
set settled_at = {at}(CAST(:settled_at AS bigint)), next_at = {at}(CAST(:next_at AS bigint)),
    waiting = CAST(:waiting AS text), missed_at = coalesce({at}(CAST(:missed_at AS bigint)), missed_at),
    revision = revision + 1
where name = CAST(:name AS text) and revision = CAST(:revision AS bigint)
returning name
