-- Forgets a queue's record.
delete from {queue} where name = CAST(:name AS text)
returning name;

update {revision} set number = number + 1
