-- Begins to write, so that nobody else writes to this table or to any other one; it changes nothing.
delete from {record_lock} where :name is null
