"""Storing jobs that take several statements: tied to others by a unique key or by waiting for them, or packages."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from itertools import groupby
from types import MappingProxyType

from packhorse.domain.job import Keys, NewJob, OnDuplicate
from packhorse.domain.package import NewPackage
from packhorse.domain.parameters import decode_parameters, encode_parameters, merged_equal
from packhorse.engines.sql.base import ids_in
from packhorse.engines.sql.documents import jobs_document, list_document
from packhorse.engines.sql.packages import (
    find_collected,
    insert_elements,
    insert_packages,
    list_parameters,
    merge_elements,
    put_parameters,
    withdraw_packages,
)
from packhorse.engines.sql.record_locks import lock_for_packages
from packhorse.engines.sql.statements import Statements
from packhorse.errors import DuplicateJob, PayloadError, RecordLocked
from packhorse.statement import Row, Statement

Storing = Generator[Statement, list[Row], list[int]]
"""Yields statements, is sent the rows of each, and returns the ids in the order of the jobs; elsewhere none."""

NO_KEYS = Keys()
MOST_LOOKS = 10
"""How often it is looked for the job that has a key, and has gone by then."""
_CHANGES: Mapping[OnDuplicate, str] = MappingProxyType({"merge": "keep"})
"""What is done with the found job itself: what is merged into a package lies beside it, and its row is locked."""
_Numbered = tuple[int, NewJob]
_IN_THE_WAY: Mapping[OnDuplicate, str] = MappingProxyType(
    {
        "replace": "is running, so it can't be replaced",
        "merge": "is running, so nothing can be merged into it",
    }
)
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
        RecordLocked: a record that a package locks is locked by somebody else; likewise.
        PayloadError: a package that is merged into another one has another value for a parameter; likewise.
    """
    ids, firsts = yield from _finding_collected(statements, jobs, is_committed)
    keyless = [(n, job) for n, job in enumerate(jobs) if _rule(job) is None and n not in ids and n not in firsts]
    if keyless:
        [statement] = _insert_jobs(statements, [job for _, job in keyless], installation)
        rows = yield statement
        if len(rows) != len(keyless):
            return []
        ids.update(zip((number for number, _ in keyless), sorted(row[0] for row in rows), strict=True))
    ids.update({number: ids[first] for number, first in firsts.items()})
    stored = sorted({ids[number] for number, _ in keyless})
    for policy, parcel in _rounds(jobs):
        found = yield from _storing_unique(statements, policy, parcel, installation, stored)
        if not found:
            return []
        ids.update({number: found[_name(job)] for number, job in parcel})
        stored += found.values() if policy == "refuse" else ()
    if any(job.package is not None for job in jobs):
        yield from _storing_packages(statements, [(ids[number], job) for number, job in enumerate(jobs)], stored)
    for keys, members in groupby(sorted(ids, key=lambda number: _after(jobs[number])), key=lambda n: _after(jobs[n])):
        if keys[0]:
            yield _insert_dependencies(statements, [ids[number] for number in members], *keys)
    return [ids[number] for number in range(len(jobs))]


def _finding_collected(
    statements: Statements, jobs: Sequence[NewJob], is_committed: Callable[[int], bool]
) -> Generator[Statement, list[Row], tuple[dict[int, int], dict[int, int]]]:
    """Which of them are added to packages that were begun in this transaction, and which to others of these jobs."""
    ids: dict[int, int] = {}
    later: dict[int, int] = {}
    firsts: dict[_Name, int] = {}
    for number, job in enumerate(jobs):
        if job.package is None or job.package.collector is None or _rule(job) is not None:
            continue
        first = firsts.setdefault((job.task, job.package.collector), number)
        if first != number:
            later[number] = first
            continue
        [[id]] = yield find_collected(statements, job.package.collector)
        if id is not None and not is_committed(id):
            ids[number] = id
    return ids, later


def _storing_packages(
    statements: Statements, jobs: Sequence[tuple[int, NewJob]], stored: Sequence[int]
) -> Generator[Statement, list[Row]]:
    """Store what makes packages of jobs; of one that was found in place of a new one only what is to be merged.

    Raises:
        RecordLocked: somebody else has locked a record; what was stored of these jobs is taken back.
        PayloadError: one that was found has another value for a parameter; likewise.
    """
    packages = [(id, job.package, _is_merged(job.package, job)) for id, job in jobs if job.package is not None]
    first: dict[int, NewPackage] = {}
    for id, package, _ in packages:
        first.setdefault(id, package)
    new = ids_in((yield insert_packages(statements, list(first.items()))))
    stores = [(id, package) for id, package in first.items() if id in new]
    merges = [(id, one) for id, one, merges in packages if merges and not (id in new and one is first[id])]
    try:
        yield from _merging_parameters(statements, merges)
        yield from lock_for_packages(statements, [*stores, *merges])
    except (RecordLocked, PayloadError):
        yield _withdraw_jobs(statements, sorted(new.union(stored)))
        yield withdraw_packages(statements, sorted(new))
        raise
    yield from insert_elements(statements, stores)
    for merge in merges:
        yield from merge_elements(statements, merge)


def _merging_parameters(
    statements: Statements, merges: Sequence[tuple[int, NewPackage]]
) -> Generator[Statement, list[Row]]:
    """Give packages the parameters that they don't have yet."""
    if not merges:
        return
    rows = yield list_parameters(statements, sorted({id for id, _ in merges}))
    known: dict[int, str] = {row[0]: row[1] for row in rows}
    now = dict(known)
    for id, package in merges:
        both = merged_equal(decode_parameters(now[id]), decode_parameters(package.parameters))
        now[id] = encode_parameters(both)
    for id, parameters in now.items():
        if parameters != known[id]:
            yield put_parameters(statements, id, parameters)


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
                yield _withdraw_jobs(statements, new)
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
        left = [(number, job) for number, job in enumerate(jobs) if _rule(job) == policy]
        while left:
            first: dict[_Name, _Numbered] = {}
            for number, job in left:
                first.setdefault(_name(job), (number, job))
            yield policy, [first[name] for name in sorted(first)]
            taken = {number for number, _ in first.values()}
            left = [(number, job) for number, job in left if number not in taken]


def _is_merged(package: NewPackage, job: NewJob) -> bool:
    """Whether it is added to a package that is found in its place."""
    rule = _rule(job)
    return package.collector is not None if rule is None else rule == "merge"


def _rule(job: NewJob) -> OnDuplicate | None:
    return None if _keys(job).unique_key is None else _keys(job).on_duplicate


def _insert_jobs(
    statements: Statements, jobs: Sequence[NewJob], installation: str, *options: str
) -> Sequence[Statement]:
    params = {"jobs": jobs_document(jobs), "installation": installation}
    return [Statement(text, params) for text in statements.get("insert_jobs", *options)]


def _find_duplicates(statements: Statements, jobs: Sequence[NewJob], installation: str) -> Statement:
    [text] = statements.get("find_duplicates")
    return Statement(text, {"jobs": jobs_document(jobs), "installation": installation})


def _withdraw_jobs(statements: Statements, ids: Sequence[int]) -> Statement:
    [text] = statements.get("withdraw_jobs")
    return Statement(text, {"ids": list_document(ids)})


def _insert_dependencies(statements: Statements, ids: Sequence[int], after: Sequence[int], needs: str) -> Statement:
    [text] = statements.get("insert_dependencies")
    names = list_document(map(str, sorted(set(after))))
    return Statement(text, {"ids": list_document(ids), "names": names, "needs": needs})


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
