-- Pauses a queue, which need not have a record yet; who paused it first is kept. Claims read the row and wait for nobody.
insert into {queue} as kept (name, paused_at, paused_by, paused_reason)
values (CAST(:name AS text), {now}, CAST(:by AS text), CAST(:reason AS text))
on conflict (name) do update
set paused_at = excluded.paused_at, paused_by = excluded.paused_by, paused_reason = excluded.paused_reason
where kept.paused_at is null
returning name;

update {revision} set number = number + 1
