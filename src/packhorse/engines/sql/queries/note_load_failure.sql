-- Records that a module could not be imported on a host. Where nobody has tried for a day the record goes: that host is
-- no more, or its code does not name the module any more.
delete from {load_failure} where last_at < {now} - CAST(:forgotten AS bigint) {us};

insert into {load_failure} as known (module, host, hits, first_at, last_at, error)
values (CAST(:module AS text), CAST(:host AS text), 1, {now}, {now}, CAST(:error AS text))
on conflict (module, host) do update
set hits = known.hits + 1, last_at = excluded.last_at, error = excluded.error
