-- Deletes an owner's locks, in the order in which all take them.
delete from {record_lock}
where (type, key) in (
    select type, key from {record_lock}
    where owner = CAST(:owner AS text)
    order by type {bytewise}, key {bytewise}
    {for_update}
)
returning type, key
