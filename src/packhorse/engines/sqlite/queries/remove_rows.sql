-- Removes rows that this worker has under a lease, in the transaction of what it has done with them, if that lease holds and they are
-- all there; else no row comes back. Where all were refused there is nothing to remove.
delete from {rows}
where rowid in (select t.rowid from {row_acks} join {rows} as t on {row_is_named})
  and :held = (
      select count(*) from {row_lease} as lease
      where lease.queue_table = :table and lease.worker_id = :worker and lease.lease_number = :number
  )
  and :count = (select count(*) from {row_acks} join {rows} as t on {row_is_named})
returning 1
