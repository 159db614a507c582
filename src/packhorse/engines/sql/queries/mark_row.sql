-- Notes that a row is worked on which somebody has worked on before, beside the row's own transaction. Who is found noted
-- there has died: nobody else can have the row now.
insert into {row_trouble} as kept (queue_table, row_key, marked_by, retry_at, processor)
values (CAST(:table AS text), CAST(:key AS text), CAST(:worker AS bigint), {now}, CAST(:processor AS text))
on conflict (queue_table, row_key) do update
set crashes = kept.crashes + case when kept.marked_by is null then 0 else 1 end, marked_by = excluded.marked_by,
    processor = excluded.processor
returning failures, skips, crashes
