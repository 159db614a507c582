-- How many UPDATEs our atomic tasks have made.
select CAST(-sum(quantity) AS bigint) from stock
