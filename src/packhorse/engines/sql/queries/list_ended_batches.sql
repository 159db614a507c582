-- Batches that have ended, behind :after, and whether they may go with all their jobs. Takes no lock.
select id, {is_over(past)}
from {batch} as past
where id > CAST(:after AS bigint) and ended_at is not null and forgotten_at is null
order by id
limit CAST(:limit AS bigint)
