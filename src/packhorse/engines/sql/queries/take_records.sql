-- Gives locks that nobody has any more, or that are handed over, to jobs, or to an owner; their rows are this transaction's already.
update {record_lock}
set job_id = named.job_id, owner = CAST(:owner AS text), is_temporary = CAST(:temporary AS integer) = 1, locked_at = {now}
from {locks}
where {record_lock}.type = named.type and {record_lock}.key = named.key
