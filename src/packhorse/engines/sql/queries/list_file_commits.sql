-- The commits whose files may not be in place yet.
select token, address, {micros}(made_at)
from {file_commit}
where not is_void
order by made_at, token
