-- Writes down what a transaction does to files, at its end. Rows come in the order of the document, by name, so that nobody waits in a
-- circle; whoever writes a name that another transaction is about to commit waits for that one, so that the last commit has the row.
insert into {file_commit} (token, address, is_void, made_at)
values (CAST(:token AS text), CAST(:address AS text), {false}, {now});

insert into {file_change} (place, name, token, staged, is_deletion)
select CAST(:place AS text), named.name, CAST(:token AS text), named.staged, named.is_deletion
from {changes}
where true
on conflict (place, name) do update
set token = excluded.token, staged = excluded.staged, is_deletion = excluded.is_deletion
