-- What has become of the packages that are known by one correlation id, in the order in which it did: their ends, and their skips.
-- Of a job that was not kept nothing is there but its package. Takes no lock.
select package.job_id, past.task, coalesce(past.state, 'succeeded'), coalesce(past.attempt, 0), {micros}(past.finished_at),
    case when past.id is null then 'its queue keeps no succeeded jobs' else past.reason end, past.error_type, past.error_message
from {package} as package
left join {finished} as past on past.id = package.job_id
where package.correlation = CAST(:correlation AS text)
  and not exists (select 1 from {job} as job where job.id = package.job_id)
union all
select package.job_id, coalesce(
        (select job.task from {job} as job where job.id = package.job_id),
        (select past.task from {finished} as past where past.id = package.job_id)
    ), 'skipped', skip.attempt, {micros}(skip.ended_at), skip.reason, skip.error_type, skip.error_message
from {package} as package
join {attempt} as skip on skip.job_id = package.job_id
where package.correlation = CAST(:correlation AS text) and skip.outcome = 'skip'
order by 5 nulls last, 1, 4
