-- Which of a package's elements an older package of the same task is about as well, and is not done with.
select mine.position
from {element} as mine
where mine.job_id = CAST(:id AS bigint)
  and mine.position in (select CAST(value AS bigint) from {ids})
  and exists (
      select 1
      from {element} as other
      join {job} as older on older.id = other.job_id
      where other.type = mine.type and other.key = mine.key and other.job_id < mine.job_id
        and (other.outcome is null or other.outcome <> 'done')
        and older.task = (
            select self.task from {job} as self where self.id = mine.job_id
            union all
            select self.task from {finished} as self where self.id = mine.job_id
        )
  )
order by mine.position
