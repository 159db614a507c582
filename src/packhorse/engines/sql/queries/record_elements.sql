-- Records what has become of elements, each named by its whole key: by a package's number alone, all of its elements would be read.
update {element}
set outcome = named.outcome, reason = named.reason
from {outcomes}
where {element}.job_id = named.job_id and {element}.position = named.position
