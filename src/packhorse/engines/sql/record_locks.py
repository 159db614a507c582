"""`RecordLocks`: who has locked a business record, and the statements of taking and handing over."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import NamedTuple

from packhorse.domain.package import Locking, LockRecord, NewPackage, OnLocked, Reference
from packhorse.engines.sql.base import Params, SqlBase
from packhorse.engines.sql.documents import rows_document
from packhorse.engines.sql.statements import Statements
from packhorse.errors import RecordLocked
from packhorse.statement import Row, Statement

PARCEL = 5000
"""How many records one statement locks at most."""


class Wish(NamedTuple):
    """Who wants a record locked, and how."""

    job_id: int | None
    locking: Locking


_Numbered = tuple[Reference, int | None]
"""A record, and the job that wants it."""
Locks = Generator[Statement, list[Row], list[Reference]]
"""Yields statements, is sent the rows of each, and returns what is locked now that was not so before."""


class SqlRecordLocks(SqlBase):
    """`packhorse.recordlocks.RecordLocks` by statements."""

    def locking(
        self,
        records: Iterable[Reference],
        owner: str,
        *,
        is_temporary: bool = False,
        on_locked: OnLocked = "refuse",
        installation: str | None = None,
    ) -> Generator[Statement, list[Row], list[Reference] | None]:
        wish = Wish(None, Locking(on_locked=on_locked, over_owner=owner))
        locks = _locking(self._statements, dict.fromkeys(records, wish), owner, is_temporary=is_temporary)
        return _locking_in(self._statements, installation or self.installation_id(), locks)

    def release_statement(self, owner: str) -> Statement:
        return _release_locks(self._statements, owner)

    def release_temporary_locks(self) -> int:
        return len(self._write("release_temporary_locks"))

    def lock_table(self, table: str) -> Statement:
        [text] = self._statements.get("lock_table")
        return Statement(text, {"name": table})

    def find_locks(self, records: Iterable[Reference]) -> list[LockRecord]:
        wanted = [(record, None) for record in sorted(set(records))]
        rows = self._read("find_locks", {"locks": _document(wanted)})
        return [LockRecord(Reference(kind, key), job_id, owner) for kind, key, job_id, owner in rows]


def lock_for_packages(
    statements: Statements, packages: Sequence[tuple[int, NewPackage]]
) -> Generator[Statement, list[Row]]:
    """Lock the records of those packages that want it for their jobs, which are stored already.

    Raises:
        RecordLocked: one is locked by somebody else; none of them was locked.
    """
    wishes: dict[Reference, Wish] = {}
    for id, package in packages:
        for record in package.elements if package.locking is not None else ():
            wish = Wish(id, package.locking or Locking())
            first = wishes.setdefault(record, wish).job_id
            if first != id and wish.locking.on_locked == "refuse":
                raise _locked(record, first, None)
    if wishes:
        locked = yield from _locking(statements, wishes, None)
        counts: dict[int | None, int] = {}
        for record in locked:
            counts[wishes[record].job_id] = counts.get(wishes[record].job_id, 0) + 1
        yield _count_locks(statements, counts)


def _locking_in(
    statements: Statements, installation: str, locks: Locks
) -> Generator[Statement, list[Row], list[Reference] | None]:
    """The same where it is not known yet which installation the statements reach."""
    is_there = yield _check_installation(statements, installation)
    return (yield from locks) if is_there else None


def _locking(
    statements: Statements, wishes: Mapping[Reference, Wish], owner: str | None, *, is_temporary: bool = False
) -> Locks:
    wanted = [(record, wishes[record].job_id) for record in sorted(wishes)]
    params: Params = {"owner": owner, "temporary": int(is_temporary)}
    new: set[Reference] = set()
    for parcel in _parcels(wanted):
        rows = yield _lock_records(statements, parcel, params)
        new |= {Reference(kind, key) for kind, key in rows}
    left = [one for one in wanted if one[0] not in new]
    holders = yield from _holders(statements, left)
    blocked = {record for record, holder in holders.items() if not _gives_way(holder, wishes[record])}
    refused = sorted(record for record in blocked if wishes[record].locking.on_locked == "refuse")
    if refused:
        for parcel in _parcels([(record, None) for record in sorted(new)]):
            yield _unlock_records(statements, parcel)
        raise _locked(refused[0], *holders[refused[0]])
    free = [one for one in left if one[0] not in blocked and holders.get(one[0]) != (one[1], owner)]
    for parcel in _parcels(free):
        yield _take_records(statements, parcel, params)
    return sorted(new.union(record for record, _ in free))


def _holders(
    statements: Statements, wanted: Sequence[_Numbered]
) -> Generator[Statement, list[Row], dict[Reference, tuple[int | None, str | None]]]:
    """By which job, or under which name, they are locked."""
    holders: dict[Reference, tuple[int | None, str | None]] = {}
    for parcel in _parcels(wanted):
        rows = yield _find_locks(statements, parcel)
        holders |= {Reference(kind, key): (job_id, name) for kind, key, job_id, name in rows}
    return holders


def _gives_way(holder: tuple[int | None, str | None], wish: Wish) -> bool:
    job_id, owner = holder
    over = wish.locking
    if owner is not None:
        return owner == over.over_owner
    return job_id in (wish.job_id, over.over_job)


def _locked(record: Reference, job_id: int | None, owner: str | None) -> RecordLocked:
    whom = f"by {owner!r}" if job_id is None else f"by job {job_id}"
    return RecordLocked(f"{record} is locked {whom}", record=str(record), job_id=job_id, owner=owner)


def _parcels(wanted: Sequence[_Numbered]) -> list[Sequence[_Numbered]]:
    return [wanted[start : start + PARCEL] for start in range(0, len(wanted), PARCEL)]


def _document(wanted: Sequence[_Numbered]) -> str:
    return rows_document([{"type": record.type, "key": record.key, "job_id": job_id} for record, job_id in wanted])


def _lock_records(statements: Statements, wanted: Sequence[_Numbered], params: Params) -> Statement:
    [text] = statements.get("lock_records")
    return Statement(text, {**params, "locks": _document(wanted)})


def _find_locks(statements: Statements, wanted: Sequence[_Numbered]) -> Statement:
    [text] = statements.get("find_locks")
    return Statement(text, {"locks": _document(wanted)})


def _take_records(statements: Statements, wanted: Sequence[_Numbered], params: Params) -> Statement:
    [text] = statements.get("take_records")
    return Statement(text, {**params, "locks": _document(wanted)})


def _unlock_records(statements: Statements, wanted: Sequence[_Numbered]) -> Statement:
    [text] = statements.get("unlock_records")
    return Statement(text, {"locks": _document(wanted)})


def _count_locks(statements: Statements, counts: Mapping[int | None, int]) -> Statement:
    [text] = statements.get("count_locks")
    rows = [{"job_id": id, "position": count, "type": "", "key": ""} for id, count in counts.items()]
    return Statement(text, {"elements": rows_document(rows)})


def _release_locks(statements: Statements, owner: str) -> Statement:
    [text] = statements.get("release_locks")
    return Statement(text, {"owner": owner})


def _check_installation(statements: Statements, installation: str) -> Statement:
    [text] = statements.get("check_installation")
    return Statement(text, {"installation": installation})
