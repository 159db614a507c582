-- Makes the rows of keys that are new.
insert into {turn} (scope, queue, key)
select scope, queue, key from {turns}
where true
order by scope, queue, key
on conflict do nothing
