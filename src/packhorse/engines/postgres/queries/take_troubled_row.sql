-- Takes a row of a queue table that somebody has worked on, or has had locked, before, and that is due again; as
-- take_fresh_rows.sql.
with taken as materialized (
    select t.ctid as place
    from {rows} as t
    where not exists (
            select from {row_trouble} as trouble
            where trouble.queue_table = CAST(:table AS text) and trouble.row_key = {row_key}
              and (trouble.retry_at > {now} or trouble.condemned is not null)
        )
      and (t.xmax <> 0 or exists (
            select from {row_trouble} as trouble
            where trouble.queue_table = CAST(:table AS text) and trouble.row_key = {row_key}
        ))
    order by {row_order}
    limit 1
    for update of t skip locked
)
delete from {rows} as t using taken where t.ctid = taken.place returning   -- without :locked
select   -- with :locked
    {row_columns},   -- without :as_text
    {row_texts},   -- with :as_text
    {row_key}, {row_place},
    CAST(pg_catalog.to_jsonb(t.*) AS text),   -- with :as_text
    -- without :as_text
    case when pg_catalog.pg_column_size(t.*) < 16384 then CAST(pg_catalog.to_jsonb(t.*) AS text) end,   -- with :data
    null,   -- without :data
    -- end
    pg_catalog.txid_current(),
    (
        select CAST(array[trouble.failures, trouble.skips, trouble.crashes] AS text)
        from {row_trouble} as trouble
        where trouble.queue_table = CAST(:table AS text) and trouble.row_key = {row_key}
    )
from taken join {rows} as t on t.ctid = taken.place   -- with :locked
