-- (queue_name) Down to which priority jobs of a queue may be claimed: none has the lowest number, which a pause gives.
coalesce((
    select case when paused_at is null then coalesce(priority_floor, 32767) else -32769 end
    from {queue} where name = {queue_name}
), 32767)
