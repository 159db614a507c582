-- Takes back packages that this very transaction has stored, because the others of the same call were refused.
delete from {package} where job_id in (select CAST(value AS bigint) from {ids})
