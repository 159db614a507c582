-- The jobs that keep others out by their unique keys.
select id, task, unique_key
from {job}
where unique_key in (select value from {names}) and unique_key is not null
  and (started_at is null or unique_until = 'end')
order by id
