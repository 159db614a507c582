-- Locks a table of the application's until the transaction ends.
select {schema}.lock_table(CAST(:name AS regclass))
