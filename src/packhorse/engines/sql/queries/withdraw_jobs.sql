-- Takes back jobs that this very transaction has stored, because the others of the same call were refused.
delete from {job} where id in (select CAST(value AS bigint) from {ids}) and state <> 'executing' and attempt = 0
