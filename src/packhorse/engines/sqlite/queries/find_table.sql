-- The columns of a table, and which of them its primary key has.
select name, type, "notnull" = 0, dflt_value is not null or pk > 0, hidden in (2, 3), pk - 1
from pragma_table_xinfo(:name)
where hidden <> 1
order by cid
