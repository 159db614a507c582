-- A package's elements in order, behind the last one that was seen. Those of a job that has succeeded are done, where nothing was said of
-- them one by one.
select position, type, key, outcome, reason
from (
    select position, type, key, coalesce(
        outcome, (select 'done' from {finished} where id = CAST(:id AS bigint) and state = 'succeeded')
    ) as outcome, reason
    from {element}
    where job_id = CAST(:id AS bigint) and position > CAST(:after AS integer)
) as element
where true
  and coalesce(outcome, '') in (select CAST(value AS text) from {names})   -- with :chosen
order by position
limit CAST(:limit AS bigint)
