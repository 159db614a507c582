-- Removes the rows from their table that are not to be worked on any more, and keeps what they were; a released one is put back.
with condemned as (
    select trouble.* from {row_trouble} as trouble
    where trouble.queue_table = CAST(:table AS text) and trouble.condemned is not null
    order by trouble.row_key
    limit 100
    for update skip locked
), gone as (
    delete from {rows} as t using condemned as named where {row_is_named}
    returning {row_key} as row_key, CAST(pg_catalog.to_jsonb(t.*) AS text) as data
), kept as (
    insert into {row_end} (queue_table, row_key, outcome, processor, attempts, reason, data, worker, ended_at)
    select condemned.queue_table, condemned.row_key, condemned.condemned, coalesce(condemned.processor, ''),
        condemned.failures + condemned.skips + condemned.crashes, condemned.reason, gone.data, CAST(:name AS text), {now}
    from condemned join gone on gone.row_key = condemned.row_key
)
delete from {row_trouble} as trouble using condemned
where trouble.queue_table = condemned.queue_table and trouble.row_key = condemned.row_key
returning trouble.row_key
