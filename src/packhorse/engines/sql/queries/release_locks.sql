-- Deletes an owner's locks, or all those that are not to outlive a start of the workers; in the order in which all take them.
delete from {record_lock}
where (type, key) in (
    select type, key from {record_lock}
    where owner = CAST(:owner AS text)   -- without :temporary
    where owner is not null and is_temporary   -- with :temporary
    order by type {bytewise}, key {bytewise}
    {for_update}
)
returning type, key
