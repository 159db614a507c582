-- Lets the next job of each of these serial keys go on; see the function.
select promoted.queue
from {schema}.promote_serial(array(select value from {names})) as promoted (queue)
where promoted.queue is null   -- without :told
