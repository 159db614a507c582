-- Gives up rows in quarantine for good; what they were stays for as long as such records are kept.
update {row_end}
set outcome = 'discarded', decided_by = CAST(:by AS text), ended_at = {now}
where queue_table = CAST(:table AS text) and outcome = 'fail' and id in (select CAST(value AS bigint) from {ids})
returning id
