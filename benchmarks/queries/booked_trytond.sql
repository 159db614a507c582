-- How many UPDATEs Tryton's tasks have made.
select CAST(-sum(quantity) AS bigint) from bench_stock
