-- (row, queue_name) Whether a job of a queue may be claimed now, as far as it depends on the job and the queue's pause and floor.
{row}.state = 'available'
and {row}.queue = {queue_name}
and {row}.priority <= {lowest_priority({queue_name})}
