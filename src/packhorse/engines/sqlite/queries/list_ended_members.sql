-- Which of these jobs had ended by a moment.
select id from {finished} where id in (select value from {ids}) and finished_at <= :until
