-- Takes back locks that this very transaction has made, because others of the same call were refused.
delete from {record_lock} where (type, key) in (select named.type, named.key from {locks})
