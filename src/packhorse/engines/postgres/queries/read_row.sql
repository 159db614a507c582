-- The columns of a row that was taken as text, by their types again.
select {row_columns} from pg_catalog.jsonb_populate_record(null::{rows}, CAST(CAST(:data AS text) AS jsonb)) as t
