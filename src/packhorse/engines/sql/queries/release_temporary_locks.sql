-- Deletes the locks that are not to outlive a start of the workers, but for those that somebody is just handing over: they are
-- in use, and nobody is to wait for that.
delete from {record_lock}
where (type, key) in (
    select type, key from {record_lock} where owner is not null and is_temporary {skip_locked}
)
returning type, key
