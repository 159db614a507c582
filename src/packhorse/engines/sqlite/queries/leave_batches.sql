-- These jobs, which may still be there, are in no batch any more.
delete from {member} where job_id in (select value from {ids})
