-- Lets the next job of each of these serial keys go on where nobody has the key. Nobody else writes meanwhile.
-- with :told
update {turn}
set next_at = null
where scope = 'serial' and queue = '' and next_at is not null and key in (select value from {names});
-- end

update {turn} as turn
set next_at = null, holder = coalesce((
    select next.id from {job} as next
    where {in_line_of_key(next, turn)}
    order by coalesce(next.serial_place, next.id)
    limit 1
), holder)
where scope = 'serial' and queue = '' and key in (select value from {names}) and not exists (
    select 1 from {job} as holding
    where holding.id = turn.holder and coalesce(holding.gate, '') not in ('jobs', 'serial')
);

update {job}
set gate = case when group_key is not null then 'group' end,
    waits_for = case when group_key is not null then 'group' end,
    state = case when group_key is not null then 'blocked' when scheduled_at > {now} then 'scheduled' else 'available' end
where id in (
    select turn.holder from {turn} as turn
    where turn.scope = 'serial' and turn.queue = '' and turn.key in (select value from {names})
) and +waits_for = 'serial'
returning queue   -- with :told
