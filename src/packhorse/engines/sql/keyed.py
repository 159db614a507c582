"""Storing jobs that take several statements: tied to others by a unique key or by waiting for them, or packages."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from types import MappingProxyType

from packhorse.domain.job import Keys, NewJob, OnDuplicate
from packhorse.engines.sql.base import ids_in
from packhorse.engines.sql.documents import jobs_document, list_document
from packhorse.engines.sql.gathering import finding_collected, storing_packages, withdraw_jobs
from packhorse.engines.sql.statements import Statements
from packhorse.errors import BatchNotFound, DuplicateJob
from packhorse.statement import Row, Statement

Storing = Generator[Statement, list[Row], list[int]]
"""Yields statements, is sent the rows of each, and returns the ids in the order of the jobs; elsewhere none."""

NO_KEYS = Keys()
MOST_LOOKS = 10
"""How often it is looked for the job that has a key, and has gone by then."""
_CHANGES: Mapping[OnDuplicate, str] = MappingProxyType({"merge": "keep"})
"""What is done with the found job itself: what is merged into a package lies beside it, and its row is locked."""
_IN_THE_WAY: Mapping[OnDuplicate, str] = MappingProxyType(
    {
        "replace": "is running, so it can't be replaced",
        "merge": "is running, so nothing can be merged into it",
    }
)
_Numbered = tuple[int, NewJob]
_Name = tuple[str, str]
"""What is unique: the task, and the key."""


def storing(
    statements: Statements, jobs: Sequence[NewJob], installation: str, is_committed: Callable[[int], bool]
) -> Storing:
    """Store jobs, any of which may have keys.

    Args:
        statements: of the dialect.
        jobs: what is to be stored.
        installation: the only one in whose database they are.
        is_committed: whether a package that was found, and may be this transaction's own, is not.

    Raises:
        DuplicateJob: another job has a unique key that is to be refused; what was stored of these is taken back.
        BatchNotFound: there is no such batch; the same.
        RecordLocked: a record that a package locks is locked by somebody else; the same.
        PayloadError: a package that is merged into another one has another value for a parameter; the same.
    """
    yield from _requiring_batches(statements, jobs)
    collected = yield from finding_collected(statements, jobs, installation, is_committed)
    keyless = [(n, job) for n, job in enumerate(jobs) if job.on_duplicate is None and n not in collected]
    ids = dict(collected.ids)
    if keyless:
        [statement] = _insert_jobs(statements, [job for _, job in keyless], installation)
        rows = yield statement
        if len(rows) != len(keyless):
            return []
        ids.update(zip((number for number, _ in keyless), sorted(row[0] for row in rows), strict=True))
    ids.update({number: ids[first] for number, first in collected.firsts.items()})
    stored = [ids[number] for number, _ in keyless]
    for policy, parcel in _rounds(jobs):
        found = yield from _storing_unique(statements, policy, parcel, installation, stored)
        if not found:
            return []
        ids.update({number: found[_name(job)] for number, job in parcel})
        stored += found.values() if policy == "refuse" else ()
    yield from storing_packages(statements, jobs, ids, stored)
    for keys, members in groupby(sorted(ids, key=lambda number: _after(jobs[number])), key=lambda n: _after(jobs[n])):
        if keys[0]:
            yield _insert_dependencies(statements, [ids[number] for number in members], *keys)
    yield from _joining(statements, jobs, ids, stored)
    return [ids[number] for number in range(len(jobs))]


def _requiring_batches(statements: Statements, jobs: Sequence[NewJob]) -> Generator[Statement, list[Row], None]:
    """Before anything is stored, so that nothing has to be taken back."""
    wanted = {batch for batch, _ in _batches(jobs)}
    if wanted:
        missing = wanted - ids_in((yield _find_batches(statements, wanted)))
        if missing:
            raise _no_batch(min(missing))


def _find_batches(statements: Statements, ids: Iterable[int]) -> Statement:
    [text] = statements.get("find_batches")
    return Statement(text, {"ids": list_document(sorted(ids))})


def _no_batch(id: int) -> BatchNotFound:
    return BatchNotFound(f"no batch {id}: the transaction that created it was rolled back, or it was pruned")


def _joining(
    statements: Statements, jobs: Sequence[NewJob], ids: Mapping[int, int], stored: Sequence[int]
) -> Generator[Statement, list[Row], None]:
    """Put the stored jobs into their batches; what was added to a package that is in one already is there with it."""
    new = set(stored)
    for batch, numbers in _batches(jobs):
        members = sorted(new.intersection(ids[number] for number in numbers))
        if members and len((yield _insert_members(statements, members, batch))) != len(members):
            yield withdraw_jobs(statements, stored)
            raise _no_batch(batch)


def _storing_unique(
    statements: Statements, policy: OnDuplicate, parcel: Sequence[_Numbered], installation: str, stored: Sequence[int]
) -> Generator[Statement, list[Row], dict[_Name, int]]:
    """Store jobs with different keys; their ids by name, none for another database."""
    jobs = [job for _, job in parcel]
    found: dict[_Name, int] = {}
    for _ in range(MOST_LOOKS):
        missing = [job for job in jobs if _name(job) not in found]
        others: dict[_Name, int] = {}
        for statement in _insert_jobs(statements, missing, installation, "unique", _CHANGES.get(policy, policy)):
            for id, task, key, runs in (yield statement):
                (others if runs else found)[task, key] = id
        missing = [job for job in missing if _name(job) not in found and _name(job) not in others]
        if missing:
            rows = yield _find_duplicates(statements, missing, installation)
            others |= {(task, key): id for id, task, key, runs in rows if runs or policy == "refuse"}
        if others and policy in ("refuse", "replace", "merge"):
            if new := [*stored, *(found.values() if policy == "refuse" else ())]:
                yield withdraw_jobs(statements, new)
            raise _duplicate(jobs, others)
        found |= others
        if len(found) == len(jobs):
            return found
    return {}  # this is another database; or those in the way have gone each time, and others come


def _rounds(jobs: Sequence[NewJob]) -> Iterator[tuple[OnDuplicate, Sequence[_Numbered]]]:
    """Those with a unique key, in rounds in which no key comes twice and one rule holds.

    First those that may be refused: what was stored until then is new, so that it can be taken back. A round is in
    order of the keys, so that two producers of the same ones don't wait for each other in a circle.
    """
    for policy in ("refuse", "replace", "keep", "earliest", "merge"):
        left = [(number, job) for number, job in enumerate(jobs) if job.on_duplicate == policy]
        while left:
            first: dict[_Name, _Numbered] = {}
            for number, job in left:
                first.setdefault(_name(job), (number, job))
            yield policy, [first[name] for name in sorted(first)]
            taken = {number for number, _ in first.values()}
            left = [(number, job) for number, job in left if number not in taken]


def _batches(jobs: Sequence[NewJob]) -> list[tuple[int, list[int]]]:
    """The batches that these jobs are in, and which jobs."""
    batches: dict[int, list[int]] = {}
    for number, job in enumerate(jobs):
        if (batch := _keys(job).batch_id) is not None:
            batches.setdefault(batch, []).append(number)
    return sorted(batches.items())


def _insert_jobs(
    statements: Statements, jobs: Sequence[NewJob], installation: str, *options: str
) -> Sequence[Statement]:
    params = {"jobs": jobs_document(jobs), "installation": installation}
    return [Statement(text, params) for text in statements.get("insert_jobs", *options)]


def _find_duplicates(statements: Statements, jobs: Sequence[NewJob], installation: str) -> Statement:
    [text] = statements.get("find_duplicates")
    return Statement(text, {"jobs": jobs_document(jobs), "installation": installation})


def _insert_dependencies(statements: Statements, ids: Sequence[int], after: Sequence[int], needs: str) -> Statement:
    [text] = statements.get("insert_dependencies")
    names = list_document(map(str, sorted(set(after))))
    return Statement(text, {"ids": list_document(ids), "names": names, "needs": needs})


def _insert_members(statements: Statements, ids: Sequence[int], batch: int) -> Statement:
    [text] = statements.get("insert_members")
    return Statement(text, {"ids": list_document(ids), "batch": batch})


def _keys(job: NewJob) -> Keys:
    return job.keys or NO_KEYS


def _name(job: NewJob) -> _Name:
    return job.task, _keys(job).unique_key or ""


def _after(job: NewJob) -> tuple[tuple[int, ...], str]:
    return _keys(job).after, _keys(job).after_needs


def _duplicate(jobs: Sequence[NewJob], others: Mapping[_Name, int]) -> DuplicateJob:
    job = next(job for job in jobs if _name(job) in others)
    key, other = _keys(job).unique_key or "", others[_name(job)]
    why = _IN_THE_WAY.get(_keys(job).on_duplicate, "has it already")
    return DuplicateJob(
        f"a job of task {job.task} with the unique key {key!r} was not enqueued: job {other} {why}",
        task=job.task,
        unique_key=key,
        job_id=other,
    )
