-- The second phase, inside BEGIN IMMEDIATE; the ids come as one JSON list.
update bare_job set state = 'succeeded', finished_at = ?, worker_id = null, lease_number = null
where id in (select value from json_each(?)) and lease_number = ?
