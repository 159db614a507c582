-- The packages that collectors have begun in this transaction, or, where transactions have no numbers, in any of which this one
-- sees it: there is one writer at a time, so the last one is this one's exactly if nobody else sees it. One that has run
-- already, which it can have in a test whose transaction never ends, is none. In a database that is not the installation
-- :installation there are none.
select found.collector, found.job_id
from (
    select named.value as collector, (
        select max(package.job_id)
        from {package} as package
        where package.collector = CAST(named.value AS text) and package.collected_in = {transaction_id}
    ) as job_id
    from {names} as named
) as found
where exists (select 1 from {job} as job where job.id = found.job_id and job.attempt = 0)
  and exists (select 1 from {installation} where id = CAST(:installation AS text))
