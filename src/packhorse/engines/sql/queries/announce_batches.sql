-- Has batches looked at again of which there is more to count.
insert into {ended} (batch_id) select CAST(value AS bigint) from {ids}
