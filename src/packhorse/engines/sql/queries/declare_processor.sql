-- Notes that worker processes have a processor for a table.
insert into {row_processor} (queue_table, processor, queue, declared_at)
values (CAST(:table AS text), CAST(:processor AS text), CAST(:queue AS text), {now})
on conflict (queue_table, processor) do update set queue = excluded.queue, declared_at = excluded.declared_at
