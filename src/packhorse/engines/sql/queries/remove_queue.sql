-- Forgets a queue's record. Groups that wait for room or for their rate are looked at again: there are no limits now.
delete from {queue} where name = CAST(:name AS text)
returning name;

update {revision} set number = number + 1;

insert into {ended} (job_id, queue, group_key)
select 0, turn.queue, turn.key
from {turn} as turn
where turn.scope = 'group' and turn.queue = CAST(:name AS text) and exists (
    select 1 from {job} as waiting
    where waiting.queue = turn.queue and waiting.group_key = turn.key
      and waiting.waits_for = 'group'
)
