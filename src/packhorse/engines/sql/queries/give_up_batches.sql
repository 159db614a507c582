-- Lets open batches end with the jobs that they have, for a reason, and says that nothing more will come into them. Whoever counts in one is
-- waited for.
update {batch}
set reason = CAST(:reason AS text), on_success = null
where id in (select CAST(value AS bigint) from {ids}) and ended_at is null;

insert into {ended} (batch_id, closed_at)
select id, {now} from {batch}
where id in (select CAST(value AS bigint) from {ids}) and ended_at is null
returning batch_id
