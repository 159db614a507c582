-- Notes what jobs are counted as in their batches, and their places there; and of which of them it is to be told
-- when they have ended.
update {member} as member
set counted_as = named.counted_as, number = coalesce(member.number, named.number),
    is_untold = member.is_untold or named.is_untold = 1
from {changed}
where member.job_id = named.job_id
