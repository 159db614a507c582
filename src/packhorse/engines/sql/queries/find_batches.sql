-- Which of these batches are there.
select id from {batch} where id {any_of} select CAST(value AS bigint) as id from {ids})) and forgotten_at is null
