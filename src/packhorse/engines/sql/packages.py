"""`Packages`: what work packages have beside their jobs."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence

from packhorse.domain.job import ClaimedJob
from packhorse.domain.package import Element, NewPackage, Outcome, PackageOutcome, PackageRecord, Reference
from packhorse.engines.sql import rows as of
from packhorse.engines.sql.base import Params, SqlBase
from packhorse.engines.sql.documents import list_document, rows_document, rows_documents
from packhorse.engines.sql.statements import Statements
from packhorse.statement import Row, Statement

PARCEL = 5000
"""How many packages or elements one statement stores at most."""


class SqlPackages(SqlBase):
    """`packhorse.packages.Packages` by statements."""

    def find_package(self, job_id: int) -> PackageRecord | None:
        rows = self._read("find_package", {"id": job_id})
        if not rows:
            return None
        id, parameters, correlation, _, _, locks, held = rows[0]
        counts = {row[3]: row[4] for row in rows if row[4]}
        return PackageRecord(
            job_id=id, parameters_text=parameters, correlation=correlation, counts=counts, locks=locks, locks_held=held
        )

    def list_elements(
        self, job_id: int, after: int = -1, limit: int = 1000, *, outcomes: Collection[Outcome | None] = ()
    ) -> list[Element]:
        params: Params = {"id": job_id, "after": after, "limit": limit}
        if outcomes:
            params = {**params, "names": list_document(outcome or "" for outcome in outcomes)}
        rows = self._read("list_elements", params, *(("chosen",) if outcomes else ()))
        return [Element(position, Reference(kind, key), *rest) for position, kind, key, *rest in rows]

    def list_scheduled(self, job_id: int, positions: Sequence[int]) -> set[int]:
        return {row[0] for row in self._read("list_scheduled", {"id": job_id, "ids": list_document(positions)})}

    def list_outcomes(self, correlation: str) -> list[PackageOutcome]:
        return [of.package_outcome(row) for row in self._read("list_outcomes", {"correlation": correlation})]

    def count_ended(self, correlation: str) -> int:
        [[count]] = self._read("count_ended", {"correlation": correlation})
        return int(count)

    def record_statement(self, job_id: int, outcomes: Mapping[int, tuple[Outcome, str | None]]) -> Statement:
        return _record_elements(self._statements, job_id, outcomes)

    def reopen_statement(self, job_id: int) -> Statement:
        return _reopen_elements(self._statements, job_id)

    def put_parameters(self, job: ClaimedJob, parameters: str) -> bool:
        lease = {"worker": job.lease.worker, "number": job.lease.number}
        return bool(self._write("put_parameters", {"parameters": parameters, "id": job.id, **lease}, "leased"))

    def put_statement(self, job_id: int, parameters: str) -> Statement:
        return _put_parameters(self._statements, job_id, parameters)

    def confirm_statement(self, job: ClaimedJob) -> Statement:
        return _confirm_job(self._statements, job)

    def progress_statement(self, job: ClaimedJob) -> Statement:
        return _progress_job(self._statements, job)

    def list_package_ids(self, after_id: int, limit: int) -> list[int]:
        return [row[0] for row in self._read("list_package_ids", {"after_id": after_id, "limit": limit})]

    def delete_stray_packages(self, ids: Sequence[int]) -> int:
        return len(self._write("delete_stray_packages", {"ids": list_document(sorted(ids))}))


def insert_packages(statements: Statements, packages: Sequence[tuple[int, NewPackage]]) -> Iterator[Statement]:
    """What stores packages by the ids of their jobs, and returns those that had none; of large ones a few at a time."""
    rows = (
        {
            "job_id": id,
            "parameters": package.parameters,
            "correlation": package.correlation,
            "collector": package.collector,
        }
        for id, package in packages
    )
    for parcel in rows_documents(rows, PARCEL):
        yield _statement(statements, "insert_packages", packages=parcel)


def insert_elements(
    statements: Statements, packages: Sequence[tuple[int, NewPackage]]
) -> Generator[Statement, list[Row]]:
    """What stores their elements, some thousands at a time."""
    for parcel in _parcels(packages):
        yield _statement(statements, "insert_elements", elements=parcel)


def merge_elements(statements: Statements, package: tuple[int, NewPackage]) -> Generator[Statement, list[Row]]:
    """What adds elements to those that a package has already."""
    for parcel in _parcels([package]):
        yield _statement(statements, "merge_elements", elements=parcel)


def find_collected(statements: Statements, collectors: Iterable[str], installation: str) -> Statement:
    """What returns the packages that collectors have begun, by these, most likely in this transaction."""
    return _statement(statements, "find_collected", names=list_document(collectors), installation=installation)


def list_parameters(statements: Statements, ids: Sequence[int]) -> Statement:
    """What returns what packages are told, by their ids: parameters, and their correlation id."""
    return _statement(statements, "list_parameters", ids=list_document(ids))


def merge_package(statements: Statements, job_id: int, parameters: str, correlation: str | None) -> Statement:
    """What tells a package something else."""
    return _statement(statements, "merge_package", parameters=parameters, correlation=correlation, id=job_id)


def withdraw_packages(statements: Statements, ids: Sequence[int]) -> Statement:
    """What takes back packages that were just stored, before they had elements."""
    return _statement(statements, "withdraw_packages", ids=list_document(ids))


def _parcels(packages: Sequence[tuple[int, NewPackage]]) -> Iterator[str]:
    rows = (
        {"job_id": id, "position": position, "type": record.type, "key": record.key}
        for id, package in packages
        for position, record in enumerate(package.elements)
    )
    return rows_documents(rows, PARCEL)


def _record_elements(
    statements: Statements, job_id: int, outcomes: Mapping[int, tuple[Outcome, str | None]]
) -> Statement:
    rows = [
        {"job_id": job_id, "position": position, "outcome": outcome, "reason": reason}
        for position, (outcome, reason) in sorted(outcomes.items())
    ]
    return _statement(statements, "record_elements", outcomes=rows_document(rows))


def _reopen_elements(statements: Statements, job_id: int) -> Statement:
    return _statement(statements, "reopen_elements", id=job_id)


def _progress_job(statements: Statements, job: ClaimedJob) -> Statement:
    return _statement(statements, "progress_job", id=job.id, worker=job.lease.worker, number=job.lease.number)


def _put_parameters(statements: Statements, job_id: int, parameters: str) -> Statement:
    return _statement(statements, "put_parameters", parameters=parameters, id=job_id)


def _confirm_job(statements: Statements, job: ClaimedJob) -> Statement:
    params: Params = {"id": job.id, "worker": job.lease.worker, "number": job.lease.number}
    [text], [fenced] = (statements.get("confirm_job", *options) for options in ((), ("fenced",)))
    return Statement(text, params, fenced=fenced)


def _statement(statements: Statements, name: str, **params: str | int | None) -> Statement:
    [text] = statements.get(name)
    return Statement(text, params)
