-- Rows of the queue table, in one statement.
insert into movement (stock, note) select unnest(CAST(%s AS bigint[])), CAST(%s AS text)
