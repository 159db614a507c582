-- Records that the runs of one claim, or some of them, simply succeeded: most acks say no more than that, and by far the
-- cheapest way to say it is a list of ids. Guarded by the lease: a row that was rescued meanwhile stays where it is, and
-- its id does not come back. A row that somebody else has locked is waited for.
-- A function, since one plan for all is cheaper than a new one each time, and the same for one job and for hundreds.
select id   -- without :fenced
select {schema}.held(max(id))   -- with :fenced
from {schema}.succeed_jobs(
    CAST(translate(CAST(:ids AS text), '[]', '{}') AS bigint[]), CAST(:worker AS bigint), CAST(:number AS bigint)
) as gone (id)
