-- Without it no insert notifies anybody.
drop trigger job_hint on packhorse.job
