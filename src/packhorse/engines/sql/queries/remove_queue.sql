-- Forgets a queue's record, unless jobs run that will give back the room that they have taken in it.
delete from {queue} where name = CAST(:name AS text) and in_use = 0
returning name;

update {revision} set number = number + 1
