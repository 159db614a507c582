-- How it stands with a queue table; what waits is counted up to a limit.
select
    (select count(*) from (select 1 from {rows} as t limit CAST(:limit AS integer)) as counted),
    (select count(*) from {row_trouble} where queue_table = CAST(:table AS text)),
    (select count(*) from {row_end} where queue_table = CAST(:table AS text) and outcome = 'fail')
