-- Forgets what jobs that go on have waited for.
delete from {dependency} where job_id in (select CAST(value AS bigint) from {ids})
