-- Takes rows of a queue table, in order, for a worker, whose they are while it is live; see {row_lease}.
insert into {row_lease} (queue_table, row_key, worker_id, lease_number)
select :table, {row_key}, :worker, :number
from {rows} as t
where not exists (
        select 1 from {row_lease} as lease where lease.queue_table = :table and lease.row_key = {row_key}
    )
  and {row_place} > :after   -- with :after
  -- with :fresh
  and not exists (
      select 1 from {row_trouble} as trouble where trouble.queue_table = :table and trouble.row_key = {row_key}
  )
  -- end
  -- with :troubled
  and exists (
      select 1 from {row_trouble} as trouble
      where trouble.queue_table = :table and trouble.row_key = {row_key}
        and trouble.retry_at <= {now} and trouble.condemned is null
  )
  -- end
order by {row_order}
limit :limit;

select {row_columns}, lease.row_key, {row_place}, trouble.row_key is not null,
    trouble.failures || ',' || trouble.skips || ',' || trouble.crashes
from {row_lease} as lease
join {rows} as t on {row_is_leased}
left join {row_trouble} as trouble on trouble.queue_table = lease.queue_table and trouble.row_key = lease.row_key
where lease.worker_id = :worker and lease.lease_number = :number and lease.queue_table = :table
order by {row_order}
