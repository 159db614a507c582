"""Queue tables on SQLite, where one transaction writes at a time: a row is worked on under a lease.

It is removed in the transaction that opens at the handler's first write, guarded by that lease.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from packhorse.domain.queuetable import NO_TROUBLE, RowAck, RowClaim, RowRun, TableSpec, TakenRow, Trouble
from packhorse.engines.sql.base import Command
from packhorse.engines.sql.documents import list_document, rows_document
from packhorse.engines.sql.rowtables import SqlRowTable
from packhorse.engines.sql.statements import Statements
from packhorse.statement import AsyncTransaction, Row, Statement, Transaction

LONGEST_DATA = 16 * 1024
"""Characters of a row that are kept with the record of what was done with it."""


class Home(Protocol):
    """What a queue table needs of its engine."""

    def begin(self) -> Transaction:
        """Open a write transaction."""
        ...

    async def abegin(self) -> AsyncTransaction:
        """The same for a coroutine."""
        ...

    def run_alone(self, statements: Statements, commands: Sequence[Command]) -> list[Row]:
        """Run commands in a transaction of their own; the rows of all of them."""
        ...

    def read_alone(self, statements: Statements, command: Command) -> list[Row]:
        """Run a statement that changes nothing; its rows."""
        ...


class SqliteRowTable(SqlRowTable):
    """`packhorse.rowstore.RowTable` on a file.

    Args:
        spec: the table.
        whole: all its columns that can be written.
        statements: with the table's slots.
        home: its engine.
    """

    def __init__(self, spec: TableSpec, whole: Sequence[str], statements: Statements, home: Home) -> None:
        super().__init__(spec, statements)
        self._whole = whole
        self._home = home

    def take(self, claim: RowClaim, begin: Callable[[], Transaction] | None = None) -> SqliteRowHold | None:
        rows = self._lease(claim)
        return SqliteRowHold(self, rows, claim, begin or self._home.begin) if rows else None

    async def atake(self, claim: RowClaim) -> AsyncSqliteRowHold | None:
        rows = await asyncio.to_thread(self._lease, claim)
        return AsyncSqliteRowHold(self, rows, claim) if rows else None

    def mark_row(self, row: TakenRow, worker: int, processor: str) -> Trouble:
        """The lease is the mark: whoever gives back that of a lost worker counts it."""
        return row.trouble

    def quarantine_rows(self, worker: str) -> int:
        with _transaction(self._home) as transaction:
            rows = self._run_in(transaction, Command("quarantine_rows", self._of()))
            kept = [self._condemned(row) for row in rows]
            self._run_in(transaction, self._keep_rows(kept, worker))
        return len(kept)

    def release_rows(self, ids: Sequence[int], by: str | None) -> list[int]:
        given = Command("release_rows", {**self._of(), "ids": list_document(ids), "by": by})
        with _transaction(self._home) as transaction:
            released = self._run_in(transaction, given)
            for _, data in released:
                self._put_row_back(transaction, values_in(data, self._whole))
        return sorted(row[0] for row in released)

    def free(self, claim: RowClaim, acks: Sequence[RowAck], run: RowRun, taken: Sequence[TakenRow]) -> None:
        """Give up a lease, recording what is known against the rows."""
        recorded = [self._record_rows(acks, run, taken)] if acks else []
        self._home.run_alone(self._statements, [*recorded, self._free_rows(claim)])

    def ending(
        self,
        claim: RowClaim,
        taken: Sequence[TakenRow],
        done: Sequence[RowAck],
        refused: Sequence[RowAck],
        run: RowRun,
    ) -> Sequence[Statement]:
        """What goes with the commit; its first statement gives a row where the lease holds, the others never do."""
        commands = [self._remove_rows(claim, done, run, taken)]
        commands += [self._recorded(done, run, taken)] if done else []
        commands += [self._record_rows(refused, run, taken)] if refused else []
        commands.append(self._free_rows(claim))
        return [
            Statement(text, one.params) for one in commands for text in self._statements.get(one.name, *one.options)
        ]

    async def abegin(self) -> AsyncTransaction:
        """The same for a coroutine."""
        return await self._home.abegin()

    def _lease(self, claim: RowClaim) -> list[TakenRow]:
        rows = self._home.run_alone(self._statements, [self._take_rows(claim)])
        width = len(self._spec.columns)
        return [_row(tuple(row[:width]), *row[width:]) for row in rows]

    def _take_rows(self, claim: RowClaim) -> Command:
        params = {**self._of(), **_lease_of(claim), "limit": claim.limit}
        kind = "troubled" if claim.is_troubled else "fresh"
        if claim.after is None:
            return Command("take_rows", params, (kind,))
        return Command("take_rows", {**params, "after": claim.after}, (kind, "after"))

    def _remove_rows(self, claim: RowClaim, done: Sequence[RowAck], run: RowRun, taken: Sequence[TakenRow]) -> Command:
        params = {**self._about(done, run, ()), **_lease_of(claim), "count": len(done), "held": len(taken)}
        return Command("remove_rows", params)

    def _free_rows(self, claim: RowClaim) -> Command:
        return Command("free_rows", {**self._of(), **_lease_of(claim)})

    def _keep_rows(self, kept: Sequence[dict[str, Any]], worker: str) -> Command:
        return Command("keep_rows", {**self._of(), "row_acks": rows_document(kept), "name": worker})

    def _condemned(self, row: Row) -> dict[str, Any]:
        *values, key, outcome, processor, attempt, reason = row
        return {
            "row_key": key,
            "outcome": outcome,
            "processor": processor,
            "attempt": attempt,
            "reason": reason,
            "data": data_of(self._whole, values),
        }

    def _data(self, row: TakenRow) -> str | None:
        if not self._spec.keeps_data:
            return None
        data = data_of(self._spec.columns, row.values)
        return data if len(data) <= LONGEST_DATA else None

    def _put_row_back(self, transaction: Transaction, values: Sequence[Any]) -> None:
        [text] = self._statements.get("put_row_back")
        transaction.execute(text, values)

    def _run_in(self, transaction: Transaction, command: Command) -> list[Row]:
        texts = self._statements.get(command.name, *command.options)
        return [row for text in texts for row in transaction.run(Statement(text, command.params))]

    def _read(self, command: Command) -> list[Row]:
        return self._home.read_alone(self._statements, command)

    def _write(self, command: Command) -> list[Row]:
        return self._home.run_alone(self._statements, [command])


class _Held:
    """What both kinds of holds are."""

    def __init__(self, table: SqliteRowTable, rows: Sequence[TakenRow], claim: RowClaim) -> None:
        self.rows = rows
        self._table = table
        self._claim = claim

    def ending(self, done: Sequence[RowAck], refused: Sequence[RowAck], run: RowRun) -> Sequence[Statement]:
        """As `RowHold.ending`."""
        return self._table.ending(self._claim, self.rows, done, refused, run)


class SqliteRowHold(_Held):
    """`packhorse.rowstore.RowHold`: a lease; no transaction is open before the handler's first write."""

    def __init__(
        self, table: SqliteRowTable, rows: Sequence[TakenRow], claim: RowClaim, begin: Callable[[], Transaction]
    ) -> None:
        super().__init__(table, rows, claim)
        self._begin = begin

    def begin(self) -> Transaction:
        """As `RowHold.begin`."""
        return self._begin()

    def put_back(self, acks: Sequence[RowAck], run: RowRun, rollback: Callable[[], None]) -> None:
        """As `RowHold.put_back`; rolled back first, since there is one writer at a time."""
        rollback()
        self._table.free(self._claim, acks, run, self.rows)


class AsyncSqliteRowHold(_Held):
    """`packhorse.rowstore.AsyncRowHold`."""

    async def begin(self) -> AsyncTransaction:
        """As `RowHold.begin`."""
        return await self._table.abegin()

    async def put_back(self, acks: Sequence[RowAck], run: RowRun, rollback: Callable[[], Awaitable[None]]) -> None:
        """As `RowHold.put_back`."""
        await rollback()
        await asyncio.to_thread(self._table.free, self._claim, acks, run, self.rows)


@contextmanager
def _transaction(home: Home) -> Iterator[Transaction]:
    transaction = home.begin()
    try:
        yield transaction
    except BaseException:
        transaction.rollback()
        raise
    transaction.commit()


def data_of(names: Sequence[str], values: Sequence[Any]) -> str:
    """A row as JSON; bytes, and what JSON has no number for, as objects that tell what they are."""
    return json.dumps(dict(zip(names, map(_plain, values), strict=True)), ensure_ascii=False)


def values_in(data: str, names: Sequence[str]) -> list[Any]:
    """The values of these columns again."""
    stored = json.loads(data)
    return [_stored(stored[name]) for name in names]


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    if isinstance(value, float) and value - value != 0:
        return {"float": repr(value)}
    return value


def _stored(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return bytes.fromhex(value["hex"]) if "hex" in value else float(value["float"])


def _lease_of(claim: RowClaim) -> dict[str, str | int | None]:
    return {"worker": claim.lease.worker, "number": claim.lease.number}


def _row(values: tuple[Any, ...], key: str, place: int | None, is_suspect: int, trouble: str | None) -> TakenRow:
    known = NO_TROUBLE if trouble is None else Trouble(*map(int, trouble.split(",")))
    return TakenRow(key, values, place, known, bool(is_suspect))
