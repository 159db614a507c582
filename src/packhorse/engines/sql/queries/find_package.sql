-- What is stored beside a job, with how many of its elements have come to what. Those of a job that has succeeded are done, where
-- nothing was said of them one by one.
select package.job_id, package.parameters, package.correlation, element.outcome, count(element.position),
    package.locks, (select count(*) from {record_lock} as held where held.job_id = package.job_id)
from {package} as package
left join (
    select job_id, position, coalesce(
        outcome, (select 'done' from {finished} where id = CAST(:id AS bigint) and state = 'succeeded')
    ) as outcome
    from {element}
    where job_id = CAST(:id AS bigint)
) as element on element.job_id = package.job_id
where package.job_id = CAST(:id AS bigint)
group by package.job_id, package.parameters, package.correlation, package.locks, element.outcome
