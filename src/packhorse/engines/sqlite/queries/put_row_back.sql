-- Puts a row from quarantine back into its table as it was.
insert into {rows} ({row_whole}) values ({row_values})
