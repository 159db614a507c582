-- Packages of one record that succeeded a moment ago, as a worker leaves them behind.
insert into {finished} (id, task, queue, state, priority, order_at, enqueued_at, started_at, finished_at, args,
    attempt, failures, skips, crashes, worker)
select n, 'nap', 'naps', 'succeeded', 5, {now}, {now}, {now}, {now}, '[]', 1, 0, 0, 0, 'worker' from ({numbers}) as numbers;
insert into {package} (job_id) select n from ({numbers}) as numbers;
insert into {element} (job_id, position, type, key) select n, 0, 'line', CAST(n AS text) from ({numbers}) as numbers
