-- Stores what makes packages of jobs that were just stored. A job that was found in place of a new one keeps what it has.
insert into {package} (job_id, parameters, correlation, collector, collected_in)
select named.job_id, named.parameters, named.correlation, named.collector,
    case when named.collector is not null then {transaction_id} end
from {packages}
where true
on conflict (job_id) do nothing
returning job_id
