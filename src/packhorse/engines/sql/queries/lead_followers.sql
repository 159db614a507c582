-- Lets one at a time settle who follows: what one puts to rest another might just have been told to look at again. Whoever
-- finds it taken leaves it to them.
insert into {leader} (name, worker_id, expires_at) values ('followers', 0, {now}) on conflict (name) do nothing;

select name from {leader} where name = 'followers' {skip_locked}
