-- Takes rows of a queue table that nobody has worked on, in order, in the transaction in which they are worked on; it passes over
-- those that others have locked. They are removed at once, or, of several some of which may be refused, locked. One that bears the
-- mark of another transaction (`xmax`) was taken before, by one that was rolled back or that died with its process, and is left to
-- take_troubled_row.sql: https://www.postgresql.org/docs/current/ddl-system-columns.html
-- without :locked
delete from {rows} as t
where t.ctid = any (array(
    select t.ctid
    from {rows} as t
    where t.xmax = 0 and not exists (
            select from {row_trouble} as trouble
            where trouble.queue_table = CAST(:table AS text) and trouble.row_key = {row_key}
        )
      and {row_place} > CAST(:after AS bigint)   -- with :after
    order by {row_order}
    limit 1
    for update of t skip locked
))
returning {row_columns}, {row_key}, {row_place},
    case when pg_catalog.pg_column_size(t.*) < 16384 then CAST(pg_catalog.to_jsonb(t.*) AS text) end,   -- with :data
    null,   -- without :data
    pg_catalog.txid_current()
-- end
-- with :locked
select {row_columns}, {row_key}, {row_place},
    case when pg_catalog.pg_column_size(t.*) < 16384 then CAST(pg_catalog.to_jsonb(t.*) AS text) end,   -- with :data
    null,   -- without :data
    pg_catalog.txid_current()
from {rows} as t
where t.xmax = 0 and not exists (
        select from {row_trouble} as trouble
        where trouble.queue_table = CAST(:table AS text) and trouble.row_key = {row_key}
    )
  and {row_place} > CAST(:after AS bigint)   -- with :after
order by {row_order}
limit CAST(:limit AS integer)
for update of t skip locked
-- end
