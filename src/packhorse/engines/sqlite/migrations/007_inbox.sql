-- The inbox: who has taken a failed job to look into it, and since when.
-- oldest_supported: 7

alter table {finished} add column taken_at integer;
alter table {finished} add column taken_by text;
