-- Notes the starts of the jobs that were just claimed from a queue with a rate, and when it may go on if it has used that up.
insert into {start} (queue, key, started_at, number)
select queue, '', {now}, count(*)
from {job}
where state = 'executing' and worker_id = CAST(:worker AS bigint) and lease_number = CAST(:number AS bigint)
group by queue
having exists (select 1 from {queue} where name = CAST(:queue AS text) and rate_count is not null);

update {queue}
set next_at = case when rate_count <= (select sum(number) from {start} where queue = CAST(:queue AS text) and key = '')
    then (
        select min(started_at) from {start} where queue = CAST(:queue AS text) and key = ''
    ) + rate_period_us {us} end
where name = CAST(:queue AS text) and (next_at is not null or rate_count is not null)
