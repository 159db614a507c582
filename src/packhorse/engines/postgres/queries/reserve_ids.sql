-- Takes ids for jobs that are about to be copied, and tells the moment that will be theirs. Locks nothing.
-- In a database that is not the installation :installation no row comes back.
select {schema}.take_ids(CAST(:count AS bigint)), to_char({now} at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') || '+00'
from {installation}
where id = CAST(:installation AS text)
