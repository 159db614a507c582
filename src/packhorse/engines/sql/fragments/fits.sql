-- (row, since) Whether a job fits what somebody has selected, apart from its state. Its age counts from `since`.
{row}.id > 0
and {row}.queue = CAST(:queue AS text)   -- with :queue
and {row}.task {matches} CAST(:task AS text)   -- with :task
and CAST(:key AS text) in ({row}.unique_key, {row}.serial_key, {row}.group_key)   -- with :key
and {row}.error_type = CAST(:error_type AS text)   -- with :error_type
and coalesce({row}.error_message, {row}.reason) {matches} CAST(:message AS text)   -- with :message
and {row}.responsible = CAST(:responsible AS text)   -- with :responsible
and {since} <= {now} - CAST(:older_than AS bigint) {us}   -- with :older_than
and {since} > {now} - CAST(:newer_than AS bigint) {us}   -- with :newer_than
