-- (row) 1 for a batch that has ended and may go with all its jobs, since none of these is to be kept, else 0. What most likely is comes
-- first: the one that ended last, and those that did not succeed. If that one is not recorded any more, the batch stays for a while by
-- itself. A look into an index at a time: a chunk costs what it takes whatever the planner believes.
case when {row}.ended_at > {now} - CAST(:succeeded AS bigint) {us}
        and coalesce((select done.id from {finished} as done where done.id = {row}.last_job_id), 0) = 0 then 0
    when coalesce((
        select 1 from {member} as member where member.job_id = {row}.last_job_id and {is_kept(member)}
    ), 0) = 1 then 0
    when coalesce((
        select 1 from {member} as member
        where member.batch_id = {row}.id and member.counted_as in ('failed', 'cancelled') and {is_kept(member)}
        order by member.batch_id, member.job_id limit 1
    ), 0) = 1 then 0
    when coalesce((
        select 1 from {member} as member
        where member.batch_id = {row}.id and {is_kept(member)}
        order by member.batch_id, member.job_id limit 1
    ), 0) = 1 then 0
    else 1
end
