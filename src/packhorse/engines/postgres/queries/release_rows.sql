-- Puts rows from quarantine back into their table as they were; nothing is known against them any more.
with released as (
    update {row_end}
    set outcome = 'released', decided_by = CAST(:by AS text), ended_at = {now}
    where queue_table = CAST(:table AS text) and outcome = 'fail'
      and id in (select CAST(value AS bigint) from {ids})
    returning id, data
), put_back as (
    insert into {rows} ({row_whole}) overriding system value
    select {row_record} from released, pg_catalog.jsonb_populate_record(null::{rows}, CAST(released.data AS jsonb)) as r
)
select id from released
