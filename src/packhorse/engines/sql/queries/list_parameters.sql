-- The parameters of some packages.
select job_id, parameters from {package} where job_id in (select CAST(value AS bigint) from {ids})
