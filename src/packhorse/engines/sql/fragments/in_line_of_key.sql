-- (row, turn) Whether a job waits for a serial key and has its place in its line.
{row}.serial_key = {turn}.key and {row}.waits_for = 'serial' and coalesce({row}.serial_place, {row}.id) <= {turn}.last_place
and not exists (select 1 from {arrival} as fresh where fresh.gate = 'serial' and fresh.job_id = {row}.id)
