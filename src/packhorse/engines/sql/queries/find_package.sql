-- What is stored beside a job, with how many of its elements have come to what.
select package.job_id, package.parameters, package.correlation, element.outcome, count(element.position),
    package.locks, (select count(*) from {record_lock} as held where held.job_id = package.job_id)
from {package} as package
left join {element} as element on element.job_id = package.job_id
where package.job_id = CAST(:id AS bigint)
group by package.job_id, package.parameters, package.correlation, package.locks, element.outcome
