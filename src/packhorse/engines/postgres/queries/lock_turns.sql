-- Waits for the keys whose jobs have just ended, in one order, until the end of this transaction; returns no row.
-- What follows must find its rows by an index even where the statistics were taken while the table was empty.
set local enable_seqscan = off;

set local enable_bitmapscan = off;

set local jit = off;

with locked as materialized (
    select turn.key
    from {turns}
    join {turn} as turn on turn.scope = named.scope and turn.queue = named.queue and turn.key = named.key
    order by turn.scope {bytewise}, turn.queue {bytewise}, turn.key {bytewise}
    for update of turn
)
select 1 from locked where key is null
