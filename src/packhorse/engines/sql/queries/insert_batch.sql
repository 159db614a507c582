-- Stores a batch, in the caller's transaction or in one of its own; its parent is the one named, else that of the job named.
-- In a database that is not the installation :installation nothing is stored and no row comes back.
insert into {batch} (name, type, parent_id, expected, keep_alive_us, created_at, on_success, on_failure, on_end, on_each)
select CAST(:name AS text), CAST(:type AS text),
    coalesce(
        CAST(:parent AS bigint), (select member.batch_id from {member} as member where member.job_id = CAST(:job AS bigint))
    ),
    CAST(:expected AS integer), CAST(:keep_alive AS bigint), {now},
    CAST(:on_success AS text), CAST(:on_failure AS text), CAST(:on_end AS text),
    CAST(:on_each AS text)
where exists (select 1 from {installation} where id = CAST(:installation AS text))
returning id
