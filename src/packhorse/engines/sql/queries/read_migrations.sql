-- The migrations that have run, the last one first.
select number, oldest_supported from {migration} order by number desc
