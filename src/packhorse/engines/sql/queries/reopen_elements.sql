-- Has elements that failed or were skipped count as not attempted yet: a new round begins. Those that are done stay.
update {element}
set outcome = null, reason = null
where job_id = CAST(:id AS bigint) and outcome in ('failed', 'skipped')
