-- Says that nothing more will come into a batch, if it is there, in the caller's transaction or in one of its own. The row
-- of the batch itself is left to whoever counts.
insert into {ended} (batch_id, closed_at)
select batch.id, {now} from {batch} as batch where batch.id = CAST(:batch AS bigint) and batch.forgotten_at is null
returning batch_id
