-- Deletes figures of hours that began long ago.
delete from {statistic} where hour < {now} - CAST(:kept AS bigint) {us} returning 1
