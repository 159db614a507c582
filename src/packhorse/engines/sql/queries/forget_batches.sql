-- Deletes batches that ended long ago, of which no job is recorded any more.
delete from {member} where batch_id in (select CAST(value AS bigint) from {ids});

delete from {batch} where id in (select CAST(value AS bigint) from {ids})
