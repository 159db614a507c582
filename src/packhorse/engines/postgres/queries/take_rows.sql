-- Takes rows of a queue table, in order, in the transaction in which they are worked on; it passes over those that others
-- have locked. They are removed at once, or, of several some of which may be refused, locked. One that bears the mark of a
-- transaction (`xmax`) was taken before by one that was rolled back, or that died:
-- https://www.postgresql.org/docs/current/ddl-system-columns.html
with taken as materialized (
    select t.ctid as place, {row_key} as row_key, t.xmax <> 0 as is_suspect
    from {rows} as t
    where true
      and {row_place} > CAST(:after AS bigint)   -- with :after
      -- with :fresh
      and t.xmax = 0
      and not exists (
          select from {row_trouble} as trouble
          where trouble.queue_table = CAST(:table AS text) and trouble.row_key = {row_key}
      )
      -- end
      -- without :fresh
      and not exists (
          select from {row_trouble} as trouble
          where trouble.queue_table = CAST(:table AS text) and trouble.row_key = {row_key}
            and (trouble.retry_at > {now} or trouble.condemned is not null)
      )
      -- end
      -- with :troubled
      and (t.xmax <> 0 or exists (
          select from {row_trouble} as trouble
          where trouble.queue_table = CAST(:table AS text) and trouble.row_key = {row_key}
      ))
      -- end
    order by {row_order}
    limit CAST(:limit AS integer)
    for update of t skip locked
)
delete from {rows} as t using taken where t.ctid = taken.place returning   -- without :locked
select   -- with :locked
    {row_columns},
    taken.row_key, {row_place}, taken.is_suspect,
    (
        select CAST(array[trouble.failures, trouble.skips, trouble.crashes] AS text)
        from {row_trouble} as trouble
        where trouble.queue_table = CAST(:table AS text) and trouble.row_key = taken.row_key
    ),
    case when pg_catalog.pg_column_size(t.*) < 16384 then CAST(pg_catalog.to_jsonb(t) AS text) end,   -- with :data
    null,   -- without :data
    pg_catalog.txid_current()
from taken join {rows} as t on t.ctid = taken.place   -- with :locked
