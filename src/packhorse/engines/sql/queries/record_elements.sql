-- Records what has become of elements of a package.
update {element}
set outcome = named.outcome, reason = named.reason
from {outcomes}
where {element}.job_id = CAST(:id AS bigint) and {element}.position = named.position
