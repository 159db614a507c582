-- A package's elements in order, behind the last one that was seen.
select position, type, key, outcome, reason
from {element}
where job_id = CAST(:id AS bigint) and position > CAST(:after AS integer)
  and coalesce(outcome, '') in (select CAST(value AS text) from {names})   -- with :chosen
order by position
limit CAST(:limit AS bigint)
