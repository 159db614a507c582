-- How many jobs of a queue have not started. Reads every live job: for whoever is about to purge the queue, once.
select count(*) from {job} where queue = CAST(:queue AS text) and state <> 'executing'
