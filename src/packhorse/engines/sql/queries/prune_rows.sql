-- Forgets what was kept of rows for long enough, a part at a time; those in quarantine stay until somebody has decided.
delete from {row_end}
where id in (
    select id from {row_end}
    where queue_table = CAST(:table AS text) and (
        (outcome = 'success' and ended_at < {now} - CAST(:keep_succeeded AS bigint) {us})
        or (outcome = 'cancel' and ended_at < {now} - CAST(:keep_cancelled AS bigint) {us})
        or (outcome in ('released', 'discarded') and ended_at < {now} - CAST(:keep_failed AS bigint) {us})
    )
    limit CAST(:limit AS integer)
)
returning id;

delete from {row_error}
where id in (
    select id from {row_error}
    where queue_table = CAST(:table AS text) and occurred_at < {now} - CAST(:keep_failed AS bigint) {us}
      and not exists (
          select 1 from {row_end} as gone
          where gone.queue_table = {row_error}.queue_table and gone.row_key = {row_error}.row_key and gone.outcome = 'fail'
      )
    limit CAST(:limit AS integer)
)
returning id
