-- Batches that ended long ago, behind :after, and whether none of their jobs is recorded any more.
select id, not exists (
    select 1 from {member} as member
    where member.batch_id = past.id and (
        exists (select 1 from {job} as job where job.id = member.job_id)
        or exists (select 1 from {finished} as kept where kept.id = member.job_id)
    )
)
from {batch} as past
where id > CAST(:after AS bigint) and ended_at < {now} - CAST(:kept AS bigint) {us}
order by id
limit CAST(:limit AS bigint)
