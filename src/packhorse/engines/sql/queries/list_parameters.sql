-- What packages are told, and by which id others know them.
select job_id, parameters, correlation from {package} where job_id in (select CAST(value AS bigint) from {ids})
