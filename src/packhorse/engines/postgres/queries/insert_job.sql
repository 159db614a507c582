-- Stores one job that is wanted as soon as possible, in the caller's transaction or in one of its own: what `insert_jobs`
-- does, at a third of its cost. Touches no row that another producer needs.
-- In a database that is not the installation :installation nothing is stored and no row comes back.
-- A trigger of the table sends the hint to waiting workers.
select id
from {schema}.insert_job(CAST(:task AS text), CAST(:queue AS text), CAST(:priority AS smallint), CAST(:args AS text),
    CAST(:kwargs AS text), CAST(:meta AS text), CAST(:max_attempts AS integer), CAST(:installation AS text)
    , {lock_limit}   -- with :alone
) as stored (id)
where id is not null
