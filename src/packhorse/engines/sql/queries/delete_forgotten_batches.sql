-- Deletes batches that were forgotten, of which nothing else is left.
delete from {batch}
where forgotten_at is not null and not exists (select 1 from {member} as member where member.batch_id = {batch}.id)
returning id
