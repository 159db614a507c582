-- Writes a token down as one that may not commit, unless it has; what is returned says that it never will. Where its transaction has
-- written the token and is still open, this waits for its end. The row stays for a while, for a message that is still on its way.
delete from {file_commit} where is_void and made_at < {now} - CAST(:kept AS bigint) {us};

insert into {file_commit} as known (token, address, is_void, made_at)
values (CAST(:token AS text), '', {true}, {now})
on conflict (token) do update set is_void = {true} where known.is_void
returning token
