-- Notes how many records packages have locked, besides those that they had locked before.
update {package}
set locks = {package}.locks + named.position
from {elements}
where {package}.job_id = named.job_id
