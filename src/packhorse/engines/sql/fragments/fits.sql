-- (row, since) Whether a job fits what somebody has selected, apart from its state. Its age counts from `since`, and that of one that is
-- blocked from the moment at which it was wanted, by which one that was held before its time is not stale.
{row}.id > 0
and {row}.queue = CAST(:queue AS text)   -- with :queue
and {row}.task {matches} CAST(:task AS text)   -- with :task
and CAST(:key AS text) in ({row}.unique_key, {row}.serial_key, {row}.group_key)   -- with :key
and {row}.error_type = CAST(:error_type AS text)   -- with :error_type
and coalesce({row}.error_message, {row}.reason) {matches} CAST(:message AS text)   -- with :message
and {row}.responsible = CAST(:responsible AS text)   -- with :responsible
and {since} <= {now} - CAST(:older_than AS bigint) {us}   -- with :older_than
and {since} > {now} - CAST(:newer_than AS bigint) {us}   -- with :newer_than
and {row}.state = 'blocked' and {row}.order_at <= {now} - CAST(:stale_for AS bigint) {us}   -- with :stale_for
and {row}.id {any_of} select job_id as id from {member} where batch_id = CAST(:batch AS bigint) ))   -- with :batch
