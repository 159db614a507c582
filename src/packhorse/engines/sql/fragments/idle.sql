-- (row) Whether the key of a turn has no job any more that has come to it.
({row}.next_at is null
    and not exists (select 1 from {job} as holder where holder.id = {row}.holder)
    and not exists (
        select 1 from {job} as waiting
        where {row}.scope = 'serial' and waiting.serial_key = {row}.key
          and waiting.waits_for = 'serial'
    )
    and not exists (
        select 1 from {job} as member
        where {row}.scope = 'group' and member.queue = {row}.queue and member.group_key = {row}.key
          and member.group_place = 0
    )
    and not exists (
        select 1 from {job} as waiting
        where {row}.scope = 'group' and waiting.queue = {row}.queue and waiting.group_key = {row}.key
          and waiting.waits_for = 'group'
    ))
