-- Nobody else writes in this transaction, so there is nothing to lock.
select 1 where 1 = 0
