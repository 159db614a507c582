-- Makes a rule, or replaces what was said of its pattern.
insert into {route} (pattern, queue, created_by, created_at)
values (CAST(:pattern AS text), CAST(:queue AS text), CAST(:by AS text), {now})
on conflict (pattern) do update
set queue = excluded.queue, created_by = excluded.created_by, created_at = excluded.created_at;

update {revision} set number = number + 1
