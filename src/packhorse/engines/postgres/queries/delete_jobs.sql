-- Deletes finished jobs for good, with their history and their log. A row that somebody is bringing back at this moment is waited for,
-- and then it is not there. Locks go by id, so that two such never deadlock.
with named as materialized (
    select id from {finished} as past
    where id in (select CAST(value AS bigint) from {ids}) and {deletable(past)}
    order by id
    for update
), gone as (
    delete from {finished} where id in (select id from named) returning id, queue, state
), history as (
    delete from {attempt} where job_id in (select id from gone)
), log as (
    delete from {job_log} where job_id in (select id from gone)
), reports as (
    delete from {progress} where job_id in (select id from gone)
), dependencies as (
    delete from {dependency} where job_id in (select id from gone)
), elements as (
    delete from {element} where job_id in (select id from gone)
), packages as (
    delete from {package} where job_id in (select id from gone)
), locks as (
    delete from {record_lock}
    where (type, key) in (
        select type, key from {record_lock} where job_id in (select id from gone) for update skip locked
    )
), members as (
    update {member} as member set is_deleted = true from gone where member.job_id = gone.id
), counted as (
    insert into {tally} (queue, state, kept, ended)
    select queue, state, -count(*), 0 from gone group by queue, state
)
select id from gone
