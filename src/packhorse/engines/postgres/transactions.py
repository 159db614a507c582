"""Transactions for handlers, each on a connection of its own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

from packhorse.engines.postgres import wire
from packhorse.engines.postgres.async_connections import AsyncConnections
from packhorse.engines.postgres.connections import Connections
from packhorse.engines.postgres.errors import is_fenced_off
from packhorse.engines.postgres.lent import (
    beginning,
    ending,
    enter_autocommit,
    found_on,
    is_untouched,
    leave_autocommit,
    refuse_broken,
    restored,
)
from packhorse.engines.sql.base import NO_PARAMS
from packhorse.engines.sql.savepoints import asavepoint_on, savepoint_on
from packhorse.errors import DatabaseError
from packhorse.statement import Row, Statement


class PostgresTransaction:
    """`packhorse.statement.Transaction` on a connection that is out of autocommit until the end."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._connection = connections.take()
        leave_autocommit(self._connection)
        self._found = found_on(self._connection)
        self._is_lent = False
        self._is_over = False

    @property
    def connection(self) -> psycopg.Connection:
        self._is_lent = True
        return self._connection

    def execute(self, text: str, params: Any = ()) -> psycopg.Cursor:
        return self.connection.execute(text.encode(), params or None)

    def run(self, statement: Statement) -> list[Row]:
        with self._connections.translating(), beginning(self._connection) as begin:
            return wire.run(self._connection, begin + statement.limits + statement.text, statement.params)

    def savepoint(self) -> contextlib.AbstractContextManager[None]:
        return savepoint_on(lambda words: self._connection.execute(words.encode()))

    def commit(self) -> None:
        self._commit([])

    def commit_with(self, ack: Sequence[Statement]) -> bool:
        """One message, so that the handler's locks are held no longer than they must be."""
        try:
            self._commit(_fenced(ack))
        except DatabaseError as error:
            if is_fenced_off(error):
                return False
            raise
        return True

    def _commit(self, calls: Sequence[wire.Call]) -> None:
        try:
            with self._connections.translating():
                refuse_broken(self._connection)
                wire.send(self._connection, [*calls, (ending("COMMIT", is_lent=self._is_lent), NO_PARAMS)])
        except BaseException:
            self.rollback()
            raise
        self._give_back()

    def rollback(self) -> None:
        if not self._is_over and not is_untouched(self._connection, is_lent=self._is_lent):
            with contextlib.suppress(psycopg.Error):
                wire.send(self._connection, [(ending("ROLLBACK", is_lent=self._is_lent), NO_PARAMS)])
        self._give_back()

    def _give_back(self) -> None:
        if self._is_over:
            return
        self._is_over = True
        if self._connection.info.transaction_status is TransactionStatus.IDLE:
            if restored(self._connection, self._found):
                enter_autocommit(self._connection)
            else:
                self._connection.close()
        self._connections.give_back(self._connection)


class AsyncPostgresTransaction:
    """`packhorse.statement.AsyncTransaction` on a connection that is out of autocommit."""

    def __init__(self, connection: psycopg.AsyncConnection, connections: AsyncConnections) -> None:
        self._connection = connection
        self._connections = connections
        self._found = found_on(connection)
        self._is_lent = False
        self._is_over = False

    @property
    def connection(self) -> psycopg.AsyncConnection:
        self._is_lent = True
        return self._connection

    async def execute(self, text: str, params: Any = ()) -> psycopg.AsyncCursor:
        return await self.connection.execute(text.encode(), params or None)

    async def run(self, statement: Statement) -> list[Row]:
        with self._connections.translating(), beginning(self._connection) as begin:
            text = begin + statement.limits + statement.text
            return await wire.run_async(self._connection, text, statement.params)

    def savepoint(self) -> contextlib.AbstractAsyncContextManager[None]:
        return asavepoint_on(lambda words: self._connection.execute(words.encode()))

    async def commit(self) -> None:
        await self._commit([])

    async def commit_with(self, ack: Sequence[Statement]) -> bool:
        """As in a thread."""
        try:
            await self._commit(_fenced(ack))
        except DatabaseError as error:
            if is_fenced_off(error):
                return False
            raise
        return True

    async def _commit(self, calls: Sequence[wire.Call]) -> None:
        try:
            with self._connections.translating():
                refuse_broken(self._connection)
                ends = (ending("COMMIT", is_lent=self._is_lent), NO_PARAMS)
                await wire.send_async(self._connection, [*calls, ends])
        except asyncio.CancelledError:
            await self._connection.close()  # in the middle of a message: it is for nobody else
            await self.rollback()
            raise
        except BaseException:
            await self.rollback()
            raise
        await self._give_back()

    async def rollback(self) -> None:
        if not self._is_over and not is_untouched(self._connection, is_lent=self._is_lent):
            with contextlib.suppress(psycopg.Error):
                await wire.send_async(self._connection, [(ending("ROLLBACK", is_lent=self._is_lent), NO_PARAMS)])
        await self._give_back()

    async def _give_back(self) -> None:
        if self._is_over:
            return
        self._is_over = True
        if not restored(self._connection, self._found):
            await self._connection.close()
        await self._connections.give_back(self._connection)


def _fenced(ack: Sequence[Statement]) -> list[wire.Call]:
    """The messages of an acknowledgement that fail, and so keep what follows from being done, if it is refused."""
    if not all(statement.fenced for statement in ack):
        raise AssertionError("an acknowledgement without a fence can't be committed in one message")
    return [(statement.limits + statement.fenced, statement.params) for statement in ack]
