-- Forgets batches that may go with all their jobs: from now on they are not there, and no job comes into them. They are locked before it
-- is looked again, as whoever counts locks them: one that was opened again meanwhile stays.
select id, 0 from {batch} where id {any_of} select CAST(value AS bigint) as id from {ids})) order by id {wait_for_lock};

update {batch} as past
set forgotten_at = {now}
where id {any_of} select CAST(value AS bigint) as id from {ids})) and ended_at is not null and forgotten_at is null
  and {is_over(past)} = 1
returning id, 1
