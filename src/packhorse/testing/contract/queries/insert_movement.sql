-- Somebody inserts a row into the suite's queue table.
insert into stock_movement (n) values (CAST(:n AS bigint))
