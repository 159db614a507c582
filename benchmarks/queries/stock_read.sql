-- Reads the records of a deferred call.
select id from stock where id = any(%s)
