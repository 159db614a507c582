-- Moves the one clock that every statement reads; for the testing kit only.
create or replace function {schema}.now() returns timestamptz
language sql stable parallel safe
as $$ select pg_catalog.statement_timestamp() + CAST(:offset AS bigint) {us} $$
