-- Batches for people to look at: one by id, or a page of them, the newest first; and whether there is news that is to be
-- counted. For a page it is looked through a thousand pieces of news; where there are more, there may be some of any. Takes no lock.
with news as (
    select coalesce(heard.batch_id, (
        select member.batch_id from {member} as member where member.job_id = heard.job_id
    )) as batch_id
    from {ended} as heard   -- with :id
    from (select job_id, batch_id from {ended} limit 1001) as heard   -- without :id
)
select id, name, type, parent_id, expected, keep_alive_us, {micros}(created_at),
    {micros}(first_enqueued_at), {micros}(last_enqueued_at), {micros}(last_processed_at), last_job_id,
    enqueued, succeeded, failed, cancelled, {micros}(closed_at), {micros}(ended_at), {micros}({now}),
    exists (select 1 from news where news.batch_id = batch.id),   -- with :id
    exists (select 1 from news where news.batch_id = batch.id)   -- without :id
        or (select count(*) from news) > 1000,   -- without :id
    reason
from {batch} as batch
where forgotten_at is null
  and id = CAST(:id AS bigint)   -- with :id
  and id < CAST(:before_id AS bigint)   -- with :before_id
  and ended_at is null   -- with :open
order by id desc
limit CAST(:limit AS bigint)
