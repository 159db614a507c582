-- Counts the jobs that a worker runs of queues which had no limit when it claimed them. In order of id, so that nobody waits
-- in a circle.
update {job}
set has_permit = (id > 0)
where id {any_of}
    select id from {job}
    where state = 'executing' and worker_id = CAST(:worker AS bigint) and not has_permit
      and queue in (select value from {names})
    order by id {for_update}
))
