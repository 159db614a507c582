-- The second phase: those jobs succeed, if the lease is still the same; their rows stay.
update bare_job set state = 'succeeded', finished_at = now(), worker_id = null, lease_number = null
where id = any(%s) and lease_number = %s
