-- The modules that can't be imported somewhere.
select module, host, hits, {micros}(first_at), {micros}(last_at), error from {load_failure} order by module, host
