-- (row, than) Whether a job comes before another one that is wanted at the same moment; for the index of claims.
{row}.id < {than}.id
