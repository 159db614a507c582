-- Every queue with its number of jobs by state, and since when its longest-waiting available job has been wanted.
select queue, state, count(*), {micros}(min(case when state = 'available' then order_at end))
from {job}
group by queue, state
union all
select queue, state, count(*), CAST(null AS bigint)
from {finished}
group by queue, state
