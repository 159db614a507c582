-- Keeps what condemned rows were, removes them from their table, and forgets what was known against them.
insert into {row_end} (queue_table, row_key, outcome, processor, attempts, reason, data, worker, ended_at)
select :table, named.row_key, named.outcome, named.processor, named.attempt, named.reason, named.data, :name, {now}
from {row_acks};

delete from {rows} where rowid in (select t.rowid from {rows} as t join {row_acks} on {row_is_named});

delete from {row_lease} where queue_table = :table and row_key in (select named.row_key from {row_acks});

delete from {row_trouble} as trouble where trouble.queue_table = :table and trouble.condemned is not null and (
    trouble.row_key in (select named.row_key from {row_acks})
    or not exists (select 1 from {rows} as t where {row_is_troubled})
)
