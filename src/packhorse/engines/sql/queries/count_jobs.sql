-- How many jobs there are in each state that has any.
select state, count(*) from {job} group by state
union all
select state, count(*) from {finished} group by state
