-- How many UPDATEs our atomic tasks, calls or rows have made.
select CAST(-sum(quantity) AS bigint) from stock
