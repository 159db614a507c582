-- What a worker needs to know of a queue table before it takes rows, or sleeps.
select
    (
        select 1
        from {rows} as t
        where not exists (
                select 1 from {row_trouble} as trouble
                where trouble.queue_table = CAST(:table AS text) and trouble.row_key = {row_key}
                  and (trouble.retry_at > {now} or trouble.condemned is not null)
            )
        order by {row_order}
        limit 1
    ),
    (select 1 from {queue} where name = CAST(:queue AS text) and paused_at is not null),
    (select number from {revision}),
    (select 1 from {row_trouble} where queue_table = CAST(:table AS text) and condemned is not null limit 1),
    (
        select {micros}(retry_at) - {micros}({now}) from {row_trouble}
        where queue_table = CAST(:table AS text) and condemned is null and retry_at > {now}
        order by retry_at
        limit 1
    )
