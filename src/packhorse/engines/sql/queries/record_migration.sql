-- Notes that a migration has run, in its own transaction: of two that run it at once the second fails on the key.
insert into {migration} (number, name, oldest_supported, applied_at)
values (:number, :name, :oldest_supported, {now})
