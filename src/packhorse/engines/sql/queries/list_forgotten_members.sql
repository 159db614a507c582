-- Some of the jobs of batches that were forgotten, and when each batch was, in microseconds since 1970; in the order of an index.
select member.job_id, {micros}((select batch.forgotten_at from {batch} as batch where batch.id = member.batch_id))
from {member} as member
where member.batch_id {any_of}
    select id from {batch} where forgotten_at is not null order by id limit CAST(:limit AS bigint)
))
limit CAST(:limit AS bigint)
