-- Removes rows that were locked for this transaction.
delete from {rows} as t
using (select * from {row_acks}) as named
where {row_is_named}
