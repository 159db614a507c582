-- Replaces counts of the same queue and state by their sum, up to :limit of them; how many were taken.
-- Rows are never changed, so one that is locked is being folded by somebody else, and is left to them. Where there is but
-- one of a kind nothing is written, so that an idle leader leaves the table alone.
with taken as (
    delete from {tally}
    where ctid = any (array(
        select ctid from {tally}
        where (queue, state) in (select queue, state from {tally} group by queue, state having count(*) > 1)
        limit CAST(:limit AS bigint)
        for update skip locked
    ))
    returning queue, state, kept, ended
), summed as (
    insert into {tally} (queue, state, kept, ended)
    select queue, state, sum(kept), sum(ended) from taken group by queue, state
)
select count(*) from taken
