-- Which of these batches are there.
select id from {batch} where id in (select CAST(value AS bigint) from {ids})
