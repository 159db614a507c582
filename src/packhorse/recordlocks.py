"""The contract of locks on business records. The docstrings are normative.

A record is locked by a live job, or by an owner: whoever gave a name. A job's lock is held for as long as the job
lives, and so nobody releases it. No two have one record.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Protocol

from packhorse.domain.package import LockRecord, OnLocked, Reference
from packhorse.statement import Row, Statement


class RecordLocks(Protocol):
    """Who has locked a business record."""

    def lock_table(self, table: str) -> Statement:
        """What locks a table of the application's until the open transaction ends, so that nobody else writes to it.

        Args:
            table: its name, as it is written in SQL; on a server it is an error if there is no such table.
        """
        ...

    def locking(
        self,
        records: Iterable[Reference],
        owner: str,
        *,
        is_temporary: bool = False,
        on_locked: OnLocked = "refuse",
        installation: str | None = None,
    ) -> Generator[Statement, list[Row], list[Reference] | None]:
        """Yield what locks records under an owner's name, in an open transaction, and is sent the rows of each.

        It comes to the records that are locked now and were not so before; what that owner has locked already stays so.
        On a database that is not the installation it locks nothing and comes to None.

        Args:
            records: which ones.
            owner: the name.
            is_temporary: whether the next start of a worker releases them.
            on_locked: what becomes of those that somebody else has locked.
            installation: its id, as `setup` returned it, else the engine's own.

        Raises:
            RecordLocked: one of them is locked by somebody else; none was locked.
            SchemaMissing: as for `JobStore.storing`.
        """
        ...

    def release_statement(self, owner: str) -> Statement:
        """What releases all that is locked under a name, and returns a row for each."""
        ...

    def release_temporary_locks(self) -> int:
        """Release what was locked until the next start of a worker, but for what is just handed over; how many."""
        ...

    def find_locks(self, records: Iterable[Reference]) -> list[LockRecord]:
        """Those of these records that are locked, and by whom, in order."""
        ...
