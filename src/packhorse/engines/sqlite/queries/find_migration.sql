-- Whether there is a table of migrations, and whether a migration is in it.
select name from sqlite_master where type = 'table' and name = '{migration}';

select number from {migration} where number = :number
