-- Forgets a commit whose files are in place.
delete from {file_change} where token = CAST(:token AS text);

delete from {file_commit} where token = CAST(:token AS text) and not is_void
