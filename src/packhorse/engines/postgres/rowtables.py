"""Queue tables on PostgreSQL: a row is removed in a transaction that stays open while it is worked on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any, Protocol

from msgspec import structs

from packhorse.domain.queuetable import NO_TROUBLE, RowAck, RowClaim, RowRun, TableSpec, TakenRow, Trouble
from packhorse.engines.postgres.errors import is_unreadable
from packhorse.engines.sql.base import Command
from packhorse.engines.sql.documents import list_document
from packhorse.engines.sql.rowtables import SqlRowTable
from packhorse.engines.sql.statements import Statements
from packhorse.errors import DatabaseError
from packhorse.statement import AsyncTransaction, Row, Statement, Transaction

AT_ONCE = 100
"""Rows that one statement moves into quarantine."""
_MILLISECOND = timedelta(milliseconds=1)


class Home(Protocol):
    """What a queue table needs of its engine."""

    def begin(self) -> Transaction:
        """A transaction on a connection of its own."""
        ...

    async def abegin(self) -> AsyncTransaction:
        """The same for a coroutine."""
        ...

    def message_of(self, statements: Statements, command: Command) -> str:
        """The command's statements as they go over the wire, behind the limits that end with their transaction."""
        ...

    def run_alone(self, statements: Statements, command: Command, *, is_repeatable: bool = False) -> list[Row]:
        """Run them in a transaction of their own; the rows of all of them."""
        ...


class PostgresRowTable(SqlRowTable):
    """`packhorse.rowstore.RowTable` on a server."""

    def __init__(self, spec: TableSpec, statements: Statements, home: Home) -> None:
        super().__init__(spec, statements)
        self._home = home

    def take(self, claim: RowClaim, begin: Callable[[], Transaction] | None = None) -> PostgresRowHold | None:
        opened = begin or self._home.begin
        try:
            return self._take(opened(), claim, as_text=False)
        except DatabaseError as error:
            if not is_unreadable(error):
                raise
        # What the driver can't read, and its neighbours, bear our mark by now: such rows are taken one by one.
        return self._take(opened(), claim, as_text=True) if claim.is_troubled else None

    async def atake(self, claim: RowClaim) -> AsyncPostgresRowHold | None:
        try:
            return await self._atake(await self._home.abegin(), claim, as_text=False)
        except DatabaseError as error:
            if not is_unreadable(error):
                raise
        return await self._atake(await self._home.abegin(), claim, as_text=True) if claim.is_troubled else None

    def _take(self, transaction: Transaction, claim: RowClaim, *, as_text: bool) -> PostgresRowHold | None:
        try:
            rows = transaction.run(self._taking(claim, as_text=as_text))
            taken = self._taken(rows, claim)
            if as_text and taken:
                with _reading(taken):
                    taken[0] = structs.replace(taken[0], values=tuple(transaction.run(self._read_row(taken[0]))[0]))
        except BaseException:
            transaction.rollback()
            raise
        if taken:
            return PostgresRowHold(self, taken, claim, transaction, _number_in(rows[0], claim))
        transaction.rollback()
        return None

    async def _atake(
        self, transaction: AsyncTransaction, claim: RowClaim, *, as_text: bool
    ) -> AsyncPostgresRowHold | None:
        try:
            rows = await transaction.run(self._taking(claim, as_text=as_text))
            taken = self._taken(rows, claim)
            if as_text and taken:
                with _reading(taken):
                    [values] = await transaction.run(self._read_row(taken[0]))
                    taken[0] = structs.replace(taken[0], values=tuple(values))
        except BaseException:
            await transaction.rollback()
            raise
        if taken:
            return AsyncPostgresRowHold(self, taken, claim, transaction, _number_in(rows[0], claim))
        await transaction.rollback()
        return None

    def mark_row(self, row: TakenRow, worker: int, processor: str) -> Trouble:
        """Beside the row's transaction, so that it stays when that does not: its next owner finds it."""
        params = {**self._of(), "key": row.key, "worker": worker, "processor": processor}
        [(failures, skips, crashes)] = self._write(Command("mark_row", params))
        return Trouble(failures, skips, crashes)

    def quarantine_rows(self, worker: str) -> int:
        removed, count = 0, AT_ONCE
        while count == AT_ONCE:
            count = len(self._write(Command("quarantine_rows", {**self._of(), "name": worker})))
            removed += count
        return removed

    def release_rows(self, ids: Sequence[int], by: str | None) -> list[int]:
        rows = self._write(Command("release_rows", {**self._of(), "ids": list_document(ids), "by": by}))
        return sorted(row[0] for row in rows)

    def record(self, acks: Sequence[RowAck], run: RowRun, taken: Sequence[TakenRow]) -> None:
        """Record what went wrong with rows, whatever becomes of the transaction in which they were taken."""
        if acks:
            self._write(self._record_rows(acks, run, taken))

    def ending(
        self, held: _Held, done: Sequence[RowAck], refused: Sequence[RowAck], run: RowRun
    ) -> Sequence[Statement]:
        """What goes with the commit; it fails where the rows were not taken in this very transaction."""
        commands = [self._fence_rows(held.number)]
        if done:
            commands += [self._remove_rows(done, run, held.rows)] if held.claim.is_batch else []
            commands.append(self._recorded(done, run, held.rows))
        statements = [self._joined(commands)]
        if refused:
            statements.append(self._joined([self._record_rows(refused, run, held.rows)]))
        return statements

    def _joined(self, commands: Sequence[Command]) -> Statement:
        """Commands whose parameters of one name are the same, as one; it fails where one of them does."""
        text = ";\n".join(part for one in commands for part in self._statements.get(one.name, *one.options))
        params = {name: value for one in commands for name, value in one.params.items()}
        return Statement(text, params, fenced=text)

    def _fence_rows(self, transaction: int) -> Command:
        return Command("fence_rows", {"transaction": transaction})

    def _remove_rows(self, done: Sequence[RowAck], run: RowRun, taken: Sequence[TakenRow]) -> Command:
        return Command("remove_rows", self._about(done, run, taken))

    def _taking(self, claim: RowClaim, *, as_text: bool) -> Statement:
        command = self._take_troubled_row(as_text=as_text) if claim.is_troubled else self._take_fresh_rows(claim)
        command = replace(command, options=(*command.options, *self._options(claim)))
        most = claim.open_limit // _MILLISECOND
        bounds = f"SET LOCAL idle_in_transaction_session_timeout = {most};\nSET LOCAL statement_timeout = {most};\n"
        return Statement(self._home.message_of(self._statements, command), command.params, bounds)

    def _take_fresh_rows(self, claim: RowClaim) -> Command:
        if claim.after is None:
            return Command("take_fresh_rows", {**self._of(), "limit": claim.limit})
        return Command("take_fresh_rows", {**self._of(), "limit": claim.limit, "after": claim.after}, ("after",))

    def _take_troubled_row(self, *, as_text: bool) -> Command:
        return Command("take_troubled_row", self._of(), ("as_text",) if as_text else ())

    def _read_row(self, row: TakenRow) -> Statement:
        [text] = self._statements.get("read_row")
        return Statement(text, {"data": row.data})

    def _options(self, claim: RowClaim) -> tuple[str, ...]:
        chosen = {"data": self._spec.keeps_data, "locked": claim.is_batch}
        return tuple(name for name, is_chosen in chosen.items() if is_chosen)

    def _taken(self, rows: Sequence[Row], claim: RowClaim) -> list[TakenRow]:
        width = len(self._spec.columns)
        return [_row(tuple(row[:width]), row[width:], is_suspect=claim.is_troubled) for row in rows]

    def _read(self, command: Command) -> list[Row]:
        return self._home.run_alone(self._statements, command, is_repeatable=True)

    def _write(self, command: Command) -> list[Row]:
        return self._home.run_alone(self._statements, command)


class _Held:
    """What both kinds of holds are."""

    def __init__(self, table: PostgresRowTable, rows: Sequence[TakenRow], claim: RowClaim, number: int) -> None:
        self.rows = rows
        self.claim = claim
        self.number = number
        self._table = table

    def ending(self, done: Sequence[RowAck], refused: Sequence[RowAck], run: RowRun) -> Sequence[Statement]:
        """As `RowHold.ending`."""
        return self._table.ending(self, done, refused, run)


class PostgresRowHold(_Held):
    """`packhorse.rowstore.RowHold`: the transaction that has removed, or locked, the rows."""

    def __init__(
        self,
        table: PostgresRowTable,
        rows: Sequence[TakenRow],
        claim: RowClaim,
        transaction: Transaction,
        number: int,
    ) -> None:
        super().__init__(table, rows, claim, number)
        self._transaction = transaction

    def begin(self) -> Transaction:
        """As `RowHold.begin`."""
        return self._transaction

    def put_back(self, acks: Sequence[RowAck], run: RowRun, rollback: Callable[[], None]) -> None:
        """As `RowHold.put_back`; recorded first, so that nobody takes a row before it is known that it must wait."""
        try:
            self._table.record(acks, run, self.rows)
        finally:
            rollback()
            self._transaction.rollback()


class AsyncPostgresRowHold(_Held):
    """`packhorse.rowstore.AsyncRowHold`."""

    def __init__(
        self,
        table: PostgresRowTable,
        rows: Sequence[TakenRow],
        claim: RowClaim,
        transaction: AsyncTransaction,
        number: int,
    ) -> None:
        super().__init__(table, rows, claim, number)
        self._transaction = transaction

    async def begin(self) -> AsyncTransaction:
        """As `RowHold.begin`."""
        return self._transaction

    async def put_back(self, acks: Sequence[RowAck], run: RowRun, rollback: Callable[[], Awaitable[None]]) -> None:
        """As `RowHold.put_back`."""
        try:
            await asyncio.to_thread(self._table.record, acks, run, self.rows)
        finally:
            await rollback()
            await self._transaction.rollback()


@contextmanager
def _reading(taken: list[TakenRow]) -> Iterator[None]:
    """Around reading the values of a row that was taken as text; where the driver can't, the row says why."""
    try:
        yield
    except DatabaseError as error:
        if not is_unreadable(error):
            raise
        taken[0] = structs.replace(taken[0], unreadable=str(error.__cause__))


def _number_in(row: Row, claim: RowClaim) -> int:
    """The number of the transaction, in a row of `take_fresh_rows.sql` or `take_troubled_row.sql`."""
    return int(row[-2] if claim.is_troubled else row[-1])


def _row(values: tuple[object, ...], rest: Sequence[Any], *, is_suspect: bool) -> TakenRow:
    key, place, data = rest[:3]
    known = rest[4] if is_suspect else None
    trouble = NO_TROUBLE if known is None else Trouble(*map(int, known.strip("{}").split(",")))
    return TakenRow(key, values, place, trouble, is_suspect, data)
