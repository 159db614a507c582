-- Notes the starts of the jobs that were just claimed from a queue with a rate, and when it may go on if it has used that up:
-- when the first start is over that was not taken back.
insert into {start} (queue, key, started_at, number)
select queue, '', started_at, count(*)
from {job}
where state = 'executing' and worker_id = CAST(:worker AS bigint) and lease_number = CAST(:number AS bigint)
group by queue, started_at
having exists (select 1 from {queue} where name = CAST(:queue AS text) and rate_count is not null);

update {queue}
set next_at = case when rate_count <= (select sum(number) from {start} where queue = CAST(:queue AS text) and key = '')
    then (
        select started_at from {start} where queue = CAST(:queue AS text) and key = ''
        group by started_at having sum(number) > 0
        order by started_at limit 1
    ) + rate_period_us {us} end
where name = CAST(:queue AS text) and (next_at is not null or rate_count is not null)
