-- Which of these workers have a row, and the moment; reading waits for no writer.
select id, {now} from {worker} where id in (select CAST(value AS bigint) from {ids})
