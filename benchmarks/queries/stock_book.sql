-- The one small UPDATE of an atomic task.
update stock set quantity = quantity - 1 where id = %s
