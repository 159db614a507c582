-- Batches for people to look at: one by id, or a page of them, the newest first. Takes no lock.
select id, name, type, parent_id, expected, keep_alive_us, {micros}(created_at),
    {micros}(first_enqueued_at), {micros}(last_enqueued_at), {micros}(last_processed_at), last_job_id,
    enqueued, succeeded, failed, cancelled, {micros}(closed_at), {micros}(ended_at), {micros}({now}),
    exists (
        select 1 from {ended} as news
        where news.batch_id = batch.id
           or (select member.batch_id from {member} as member where member.job_id = news.job_id) = batch.id
    )
from {batch} as batch
where id > 0
  and id = CAST(:id AS bigint)   -- with :id
  and id < CAST(:before_id AS bigint)   -- with :before_id
  and ended_at is null   -- with :open
order by id desc
limit CAST(:limit AS bigint)
