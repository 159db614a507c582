"""The contract of queue tables in a database: rows are taken, worked on and removed. The docstrings are normative.

A row is somebody's from `take` until the transaction ends in which it is worked on. Where an engine can hold one open
for each, that is the row's own lock; else it is a lease, which is lost with the worker.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Protocol

from packhorse.domain.queuetable import (
    FoundTable,
    GoneRow,
    NewTable,
    ProcessorRecord,
    RowAck,
    RowClaim,
    RowError,
    RowLook,
    RowRun,
    TableCounts,
    TableSpec,
    TakenRow,
    Trouble,
    TroubledRow,
)
from packhorse.statement import AsyncTransaction, Statement, Transaction


class RowHold(Protocol):
    """Rows in a lane's hands."""

    @property
    def rows(self) -> Sequence[TakenRow]:
        """Which ones, in order; at least one."""
        ...

    def begin(self) -> Transaction:
        """The transaction in which they are worked on; where the engine has opened it, that one."""
        ...

    def ending(self, done: Sequence[RowAck], refused: Sequence[RowAck], run: RowRun) -> Sequence[Statement]:
        """What is to be committed with that: the removal of what is done, the record of it, and what is refused.

        It is accepted, as an acknowledgement is, only while the rows are this lane's.
        """
        ...

    def put_back(self, acks: Sequence[RowAck], run: RowRun, rollback: Callable[[], None]) -> None:
        """Give the rows back; what is known against them is recorded whatever becomes of the transaction.

        Args:
            acks: what follows for each; a row of which nothing is said is as it was.
            run: what the record says beside that.
            rollback: undoes what was done with the rows; called here, once.
        """
        ...


class AsyncRowHold(Protocol):
    """The same for a coroutine."""

    @property
    def rows(self) -> Sequence[TakenRow]:
        """As `RowHold.rows`."""
        ...

    async def begin(self) -> AsyncTransaction:
        """As `RowHold.begin`."""
        ...

    def ending(self, done: Sequence[RowAck], refused: Sequence[RowAck], run: RowRun) -> Sequence[Statement]:
        """As `RowHold.ending`."""
        ...

    async def put_back(self, acks: Sequence[RowAck], run: RowRun, rollback: Callable[[], Awaitable[None]]) -> None:
        """As `RowHold.put_back`."""


class RowTable(Protocol):
    """One queue table."""

    def look_rows(self, queue: str) -> RowLook:
        """What a worker needs to know before it takes rows, or sleeps; `queue` is the one that may be paused."""
        ...

    def take(self, claim: RowClaim, begin: Callable[[], Transaction] | None = None) -> RowHold | None:
        """Take rows, in order; locked ones are passed over, never waited for. None when there are none.

        Args:
            claim: which ones.
            begin: opens the transaction in which they are worked on, in place of the engine's own.
        """
        ...

    async def atake(self, claim: RowClaim) -> AsyncRowHold | None:
        """The same for a coroutine's transaction."""
        ...

    def mark_row(self, row: TakenRow, worker: int, processor: str) -> Trouble:
        """See to it that a death of this process is counted against a row that it has; what is known against that."""
        ...

    def quarantine_rows(self, worker: str) -> int:
        """Remove rows that are not to be worked on any more from the table, and keep them; how many were."""
        ...

    def note_row_run(self, run: RowRun, rows: int, failed: int, error: str | None) -> None:
        """Note how a processor's run ended."""
        ...

    def declare_processor(self, processor: str, queue: str) -> None:
        """Note that there is a processor for the table."""
        ...

    def prune_rows(self, succeeded: timedelta, cancelled: timedelta, failed: timedelta, limit: int) -> int:
        """Forget records that were kept for so long; how many. Rows in quarantine stay."""
        ...

    def count_rows(self, limit: int) -> TableCounts:
        """How it stands; what waits is counted up to `limit`."""
        ...

    def list_troubled_rows(self, limit: int) -> list[TroubledRow]:
        """Rows that have failed and wait in the table, the next one first."""
        ...

    def list_gone_rows(self, limit: int, outcome: str | None = None, key: str | None = None) -> list[GoneRow]:
        """Rows that have left the table, the newest first."""
        ...

    def list_row_errors(self, limit: int, key: str | None = None) -> list[RowError]:
        """What went wrong with rows, the newest first."""
        ...

    def release_rows(self, ids: Sequence[int], by: str | None) -> list[int]:
        """Put rows from quarantine back into the table as they were; the records that were about them."""
        ...

    def discard_rows(self, ids: Sequence[int], by: str | None) -> list[int]:
        """Give up rows in quarantine for good; the records that were about them."""
        ...


class RowStore(Protocol):
    """The queue tables of a database."""

    def create_table_sql(self, table: NewTable) -> str:
        """The statements that make a declared table."""
        ...

    def create_table(self, table: NewTable) -> None:
        """Run them; a table that is there already stays as it is."""
        ...

    def find_table(self, name: str) -> FoundTable | None:
        """A table as the database describes it."""
        ...

    def row_table(self, spec: TableSpec, found: FoundTable) -> RowTable:
        """What is done with the rows of a table, as it was found."""
        ...

    def rescue_rows(self, worker: int) -> int:
        """Give back the rows that a lost worker has under a lease, counting that against them; how many."""
        ...

    def list_processors(self) -> list[ProcessorRecord]:
        """The processors that worker processes have declared, by table."""
        ...
