-- What is still to be done for a commit.
select name, staged, is_deletion from {file_change} where token = CAST(:token AS text) order by name {bytewise}
