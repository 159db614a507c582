-- Lets one migration run at a time. The lock ends with the transaction, so a pooler is no danger.
select pg_advisory_xact_lock(hashtextextended({channel}, 0))
