-- Forgets a rule.
delete from {route} where pattern = CAST(:pattern AS text)
returning pattern;

update {revision} set number = number + 1
