-- What a worker must be allowed and this user is not, a row for each table. A right to some columns is not looked into.
select string_agg(needed.privilege, ', ' order by needed.place) || ' on ' || replace(needed.name, '"', '')
from (values
    ('{installation}', 1, 'SELECT'),
    ('{migration}', 1, 'SELECT'),
    ('{job}', 1, 'SELECT'), ('{job}', 2, 'INSERT'), ('{job}', 3, 'UPDATE'), ('{job}', 4, 'DELETE'),
    ('{finished}', 1, 'SELECT'), ('{finished}', 2, 'INSERT'), ('{finished}', 3, 'UPDATE'), ('{finished}', 4, 'DELETE'),
    ('{attempt}', 1, 'SELECT'), ('{attempt}', 2, 'INSERT'), ('{attempt}', 4, 'DELETE'),
    ('{tally}', 1, 'SELECT'), ('{tally}', 2, 'INSERT'), ('{tally}', 3, 'UPDATE'), ('{tally}', 4, 'DELETE'),
    ('{statistic}', 1, 'SELECT'), ('{statistic}', 2, 'INSERT'), ('{statistic}', 3, 'UPDATE'), ('{statistic}', 4, 'DELETE'),
    ('{statistic_mark}', 1, 'SELECT'), ('{statistic_mark}', 2, 'INSERT'), ('{statistic_mark}', 3, 'UPDATE'),
    ('{queue}', 1, 'SELECT'), ('{queue}', 2, 'INSERT'), ('{queue}', 3, 'UPDATE'),
    ('{revision}', 1, 'SELECT'), ('{revision}', 3, 'UPDATE'),
    ('{load_failure}', 1, 'SELECT'), ('{load_failure}', 2, 'INSERT'), ('{load_failure}', 3, 'UPDATE'),
    ('{load_failure}', 4, 'DELETE'),
    ('{arrival}', 1, 'SELECT'), ('{arrival}', 2, 'INSERT'), ('{arrival}', 4, 'DELETE'),
    ('{turn}', 1, 'SELECT'), ('{turn}', 2, 'INSERT'), ('{turn}', 3, 'UPDATE'), ('{turn}', 4, 'DELETE'),
    ('{start}', 1, 'SELECT'), ('{start}', 2, 'INSERT'), ('{start}', 4, 'DELETE'),
    ('{ended}', 1, 'SELECT'), ('{ended}', 2, 'INSERT'), ('{ended}', 4, 'DELETE'),
    ('{dependency}', 1, 'SELECT'), ('{dependency}', 2, 'INSERT'), ('{dependency}', 4, 'DELETE'),
    ('{batch}', 1, 'SELECT'), ('{batch}', 2, 'INSERT'), ('{batch}', 3, 'UPDATE'), ('{batch}', 4, 'DELETE'),
    ('{member}', 1, 'SELECT'), ('{member}', 2, 'INSERT'), ('{member}', 3, 'UPDATE'), ('{member}', 4, 'DELETE'),
    ('{package}', 1, 'SELECT'), ('{package}', 2, 'INSERT'), ('{package}', 3, 'UPDATE'), ('{package}', 4, 'DELETE'),
    ('{element}', 1, 'SELECT'), ('{element}', 2, 'INSERT'), ('{element}', 3, 'UPDATE'), ('{element}', 4, 'DELETE'),
    ('{record_lock}', 1, 'SELECT'), ('{record_lock}', 2, 'INSERT'), ('{record_lock}', 3, 'UPDATE'),
    ('{record_lock}', 4, 'DELETE'),
    ('{file_commit}', 1, 'SELECT'), ('{file_commit}', 2, 'INSERT'), ('{file_commit}', 3, 'UPDATE'),
    ('{file_commit}', 4, 'DELETE'),
    ('{file_change}', 1, 'SELECT'), ('{file_change}', 2, 'INSERT'), ('{file_change}', 3, 'UPDATE'),
    ('{file_change}', 4, 'DELETE'),
    ('{job_log}', 1, 'SELECT'), ('{job_log}', 2, 'INSERT'), ('{job_log}', 3, 'UPDATE'), ('{job_log}', 4, 'DELETE'),
    ('{progress}', 1, 'SELECT'), ('{progress}', 2, 'INSERT'), ('{progress}', 3, 'UPDATE'), ('{progress}', 4, 'DELETE'),
    ('{worker}', 1, 'SELECT'), ('{worker}', 2, 'INSERT'), ('{worker}', 3, 'UPDATE'), ('{worker}', 4, 'DELETE'),
    ('{worker_task}', 1, 'SELECT'), ('{worker_task}', 2, 'INSERT'), ('{worker_task}', 4, 'DELETE'),
    ('{schedule}', 1, 'SELECT'), ('{schedule}', 2, 'INSERT'), ('{schedule}', 3, 'UPDATE'),
    ('{schedule_run}', 1, 'SELECT'), ('{schedule_run}', 2, 'INSERT'), ('{schedule_run}', 3, 'UPDATE'),
    ('{schedule_run}', 4, 'DELETE'),
    ('{schedule_declaration}', 1, 'SELECT'), ('{schedule_declaration}', 2, 'INSERT'),
    ('{schedule_declaration}', 4, 'DELETE'),
    ('{leader}', 1, 'SELECT'), ('{leader}', 2, 'INSERT'), ('{leader}', 3, 'UPDATE'), ('{leader}', 4, 'DELETE')
) as needed (name, place, privilege)
where not case needed.privilege
    when 'DELETE' then has_table_privilege(needed.name, needed.privilege)
    else has_any_column_privilege(needed.name, needed.privilege)
end
group by needed.name
order by needed.name
