-- Tells whoever settles turns that the job that had these keys has ended: here nobody waits, and nothing else is looked at.
insert into {ended} (queue, serial_key, group_key)
select named.queue, case when named.scope = 'serial' then named.key end, case when named.scope = 'group' then named.key end
from {turns}
