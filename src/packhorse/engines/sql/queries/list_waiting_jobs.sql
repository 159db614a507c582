-- Some jobs of a queue that have not started.
select id from {job} where queue = CAST(:queue AS text) and state <> 'executing' limit CAST(:limit AS bigint)
