-- Puts other parameters in place of a package's: what its next attempt finds.
update {package}
set parameters = CAST(:parameters AS text)
where job_id = CAST(:id AS bigint)
  -- with :leased
  and exists (
      select 1 from {job} as job
      where job.id = CAST(:id AS bigint) and job.state = 'executing'
        and job.worker_id = CAST(:worker AS bigint) and job.lease_number = CAST(:number AS bigint)
  )
returning job_id
  -- end
