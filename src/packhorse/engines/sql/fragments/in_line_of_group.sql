-- (row, turn) Whether a job waits for room in a group and has its place in its line.
{row}.queue = {turn}.queue and {row}.group_key = {turn}.key and {row}.waits_for = 'group'
and coalesce({row}.group_place, {row}.id) <= {turn}.last_place
and not exists (select 1 from {arrival} as fresh where fresh.gate = 'group' and fresh.job_id = {row}.id)
