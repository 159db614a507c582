"""Storing what makes packages of jobs that were just stored, and adding to packages that are there already."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field

from packhorse.domain.job import NewJob
from packhorse.domain.package import NewPackage
from packhorse.domain.parameters import decode_parameters, encode_parameters, merged_equal
from packhorse.engines.sql.base import ids_in
from packhorse.engines.sql.documents import list_document
from packhorse.engines.sql.packages import (
    find_collected,
    insert_elements,
    insert_packages,
    list_parameters,
    merge_elements,
    merge_package,
    withdraw_packages,
)
from packhorse.engines.sql.record_locks import lock_for_packages
from packhorse.engines.sql.statements import Statements
from packhorse.errors import PayloadError, RecordLocked
from packhorse.statement import Row, Statement

_Told = tuple[str, str | None]
"""The parameters of a package, and its correlation id."""


@dataclass(slots=True)
class Collected:
    """Which of some jobs are none of their own, since collectors add them to others."""

    ids: dict[int, int] = field(default_factory=dict)
    """By their numbers: the packages that were begun in this transaction before."""
    firsts: dict[int, int] = field(default_factory=dict)
    """By their numbers: the number of the one, among these jobs, that begins the package."""

    def __contains__(self, number: int) -> bool:
        return number in self.ids or number in self.firsts


def finding_collected(
    statements: Statements, jobs: Sequence[NewJob], installation: str, is_committed: Callable[[int], bool]
) -> Generator[Statement, list[Row], Collected]:
    """Look which of them are added to packages that were begun in this transaction, and which to others of them."""
    collected = Collected()
    numbers: dict[str, int] = {}
    for number, job in enumerate(jobs):
        if job.package is not None and job.package.collector is not None and job.on_duplicate is None:
            first = numbers.setdefault(job.package.collector, number)
            if first != number:
                collected.firsts[number] = first
    if numbers:
        rows = yield find_collected(statements, numbers, installation)
        collected.ids = {numbers[name]: id for name, id in rows if not is_committed(id)}
    return collected


def storing_packages(
    statements: Statements, jobs: Sequence[NewJob], ids: Mapping[int, int], stored: Sequence[int]
) -> Generator[Statement, list[Row]]:
    """Store what makes packages of jobs; of one that was found in place of a new one only what is to be merged.

    Args:
        statements: of the dialect.
        jobs: all that were just stored, or found.
        ids: of these, by their numbers.
        stored: the ids of those of them that are new for sure.

    Raises:
        RecordLocked: somebody else has locked a record; what was stored of these jobs is taken back.
        PayloadError: one that was found has another value for a parameter, or another correlation id; likewise.
    """
    packages = [(ids[n], job.package, _is_merged(job.package, job)) for n, job in enumerate(jobs) if job.package]
    if not packages:
        return
    first: dict[int, NewPackage] = {}
    for id, package, _ in packages:
        first.setdefault(id, package)
    new = set[int]()
    for statement in insert_packages(statements, list(first.items())):
        new |= ids_in((yield statement))
    stores = [(id, package) for id, package in first.items() if id in new]
    merges = [(id, one) for id, one, merges in packages if merges and not (id in new and one is first[id])]
    try:
        yield from _merging(statements, merges)
        yield from lock_for_packages(statements, [*stores, *merges])
    except (RecordLocked, PayloadError):
        yield withdraw_jobs(statements, sorted(new.union(stored)))
        yield withdraw_packages(statements, sorted(new))
        raise
    yield from insert_elements(statements, stores)
    for merge in merges:
        yield from merge_elements(statements, merge)


def withdraw_jobs(statements: Statements, ids: Sequence[int]) -> Statement:
    """What takes back jobs that were just stored."""
    [text] = statements.get("withdraw_jobs")
    return Statement(text, {"ids": list_document(ids)})


def _merging(statements: Statements, merges: Sequence[tuple[int, NewPackage]]) -> Generator[Statement, list[Row]]:
    """Tell packages what they have not been told yet."""
    if not merges:
        return
    rows = yield list_parameters(statements, sorted({id for id, _ in merges}))
    known: dict[int, _Told] = {id: (parameters, correlation) for id, parameters, correlation in rows}
    now = dict(known)
    for id, package in merges:
        now[id] = _merged(id, now[id], package)
    for id, told in now.items():
        if told != known[id]:
            yield merge_package(statements, id, *told)


def _merged(id: int, told: _Told, package: NewPackage) -> _Told:
    parameters, correlation = told
    if None not in (correlation, package.correlation) and correlation != package.correlation:
        raise PayloadError(f"package {id} is known as {correlation!r} already, and can't be as {package.correlation!r}")
    if package.parameters != parameters:
        both = merged_equal(decode_parameters(parameters), decode_parameters(package.parameters))
        parameters = encode_parameters(both)
    return parameters, package.correlation or correlation


def _is_merged(package: NewPackage, job: NewJob) -> bool:
    """Whether it is added to a package that is found in its place."""
    return package.collector is not None if job.on_duplicate is None else job.on_duplicate == "merge"
