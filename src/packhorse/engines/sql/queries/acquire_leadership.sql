-- Takes or renews the leadership. One row: the loser of a race waits for the winner's commit and then finds it taken.
insert into {leader} as held (name, worker_id, expires_at)
values ('leader', CAST(:worker AS bigint), {now} + CAST(:lease AS bigint) {us})
on conflict (name) do update
set worker_id = excluded.worker_id, expires_at = excluded.expires_at
where held.worker_id = excluded.worker_id or held.expires_at <= {now}
returning worker_id
