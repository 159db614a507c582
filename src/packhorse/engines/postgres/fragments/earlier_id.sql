-- (row, than) Whether a job comes before another one that is wanted at the same moment; for the index of claims.
-- By the id alone the planner would rather walk over all jobs with a lower one, by the primary key.
({row}.order_at, {row}.id) < ({than}.order_at, {than}.id)
