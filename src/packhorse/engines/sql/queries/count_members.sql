-- Notes what jobs are counted as in their batches, and their places there.
update {member} as member
set counted_as = named.counted_as, number = coalesce(member.number, named.number)
from {changed}
where member.job_id = named.job_id
