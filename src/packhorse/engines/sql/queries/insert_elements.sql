-- Stores the records that packages are about.
insert into {element} (job_id, position, type, key)
select named.job_id, named.position, named.type, named.key
from {elements}
