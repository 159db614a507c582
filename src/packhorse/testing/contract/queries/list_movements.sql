-- What is in the suite's queue table.
select n from stock_movement order by id
