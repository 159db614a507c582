-- Tells a package what it had not been told yet. Its job's row is locked, so nobody else does at the same time.
update {package}
set parameters = CAST(:parameters AS text), correlation = CAST(:correlation AS text)
where job_id = CAST(:id AS bigint)
