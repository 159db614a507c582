-- Deletes schedules; the record of their runs goes with them, and their jobs stay.
delete from {schedule} where name in (select value from {names})
returning name
