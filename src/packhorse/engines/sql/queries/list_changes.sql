-- What has become of these jobs, and of up to :limit more of these batches that were never counted, where it is not what
-- they are counted as. One that is no longer recorded, though nobody has deleted it, was not kept because it succeeded.
-- Each is looked up by its id, whatever is known of the sizes of the tables.
with named as (
    select CAST(value AS bigint) as job_id from {ids}
    union
    select fresh.job_id from (
        select job_id from {member}
        where counted_as is null and batch_id in (select CAST(value AS bigint) from {names})
        order by batch_id, job_id
        limit CAST(:limit AS bigint)
    ) as fresh
), seen as (
    select member.batch_id, member.job_id, member.counted_as, {micros}(member.enqueued_at) as enqueued_at,
        {micros}(coalesce((select past.finished_at from {finished} as past where past.id = member.job_id), {now})) as ended_at,
        case when (select job.id from {job} as job where job.id = member.job_id) is not null then 'enqueued'
            else coalesce(
                (select past.state from {finished} as past where past.id = member.job_id),
                case when not member.is_deleted then 'succeeded'
                    when coalesce(member.counted_as, 'enqueued') = 'enqueued' then 'cancelled'
                    else member.counted_as end
            ) end as became
    from {member} as member
    where member.job_id {any_of} select named.job_id as id from named))
)
select batch_id, job_id, counted_as, became, enqueued_at, ended_at
from seen
where counted_as is null or counted_as <> became
order by batch_id, job_id
