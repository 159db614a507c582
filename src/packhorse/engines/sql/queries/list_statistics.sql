-- The figures of the hours that began lately. Takes no lock.
select {micros}(hour), queue, task, processed, failed, cancelled, errors, skipped, timed, duration_us
from {statistic}
where hour > {now} - CAST(:last AS bigint) {us}
