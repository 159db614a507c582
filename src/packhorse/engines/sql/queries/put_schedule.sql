-- Stores a schedule, or replaces the one that has this revision: otherwise somebody else was faster, and nothing is done.
insert into {schedule} as held (name, rule, job, policy, fingerprint, former, is_declared, owner, changed_at, changed_by,
    settled_at, next_at)
values (CAST(:name AS text), CAST(:rule AS text), CAST(:job AS text), CAST(:policy AS text), CAST(:fingerprint AS text),
    CAST(:former AS text), CAST(:is_declared AS integer) = 1, CAST(:owner AS text), {now},
    CAST(:changed_by AS text), {at}(CAST(:settled_at AS bigint)), {at}(CAST(:next_at AS bigint)))
on conflict (name) do update
set rule = excluded.rule, job = excluded.job, policy = excluded.policy, fingerprint = excluded.fingerprint,
    former = excluded.former, is_declared = excluded.is_declared, owner = excluded.owner,
    changed_at = excluded.changed_at, changed_by = excluded.changed_by, settled_at = excluded.settled_at,
    next_at = excluded.next_at, undeclared_at = null, revision = held.revision + 1
where held.revision = CAST(:revision AS bigint)
returning name
