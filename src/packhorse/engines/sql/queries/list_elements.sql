-- A package's elements in order, behind the last one that was seen.
select position, type, key, outcome, reason
from {element}
where job_id = CAST(:id AS bigint) and position > CAST(:after AS integer)
  and (outcome is null or outcome <> 'done')   -- with :open
  and outcome = 'done'   -- with :done
order by position
limit CAST(:limit AS bigint)
