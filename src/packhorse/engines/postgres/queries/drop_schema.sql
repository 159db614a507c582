-- Drops the schema of one test, with the tables, functions and jobs in it; for the testing kit only.
-- It needs each table for itself, so a transaction that is still open there makes it give up after the usual patience.
drop schema if exists {schema} cascade
