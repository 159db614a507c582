"""Write transactions for handlers, each on a connection of its own."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any

from packhorse.engines.sql.savepoints import asavepoint_on, savepoint_on
from packhorse.engines.sqlite.connections import Connections
from packhorse.engines.sqlite.errors import translated
from packhorse.errors import ConfigurationError, SavepointLost
from packhorse.statement import Row, Statement

if TYPE_CHECKING:
    import aiosqlite


class SqliteTransaction:
    """`packhorse.statement.Transaction` on a connection that has just begun one."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._connection = connections.begin()
        self._is_over = False

    @property
    def connection(self) -> sqlite3.Connection:
        return self._connection

    def execute(self, text: str, params: Any = ()) -> sqlite3.Cursor:
        return self._connection.execute(text, params)

    def run(self, statement: Statement) -> list[Row]:
        try:
            cursor = self._connection.cursor()
            cursor.row_factory = None
            return cursor.execute(statement.text, statement.params).fetchall()
        except sqlite3.Error as error:
            raise translated(error, self._connections.path) from error

    def savepoint(self) -> contextlib.AbstractContextManager[None]:
        if not self._connection.in_transaction:
            raise SavepointLost  # its release would be a commit
        return savepoint_on(self._connection.execute)

    def commit(self) -> None:
        try:
            self._connection.commit()
        except sqlite3.Error as error:
            raise translated(error, self._connections.path) from error
        finally:
            self.rollback()

    def commit_with(self, ack: Sequence[Statement]) -> bool:
        try:
            is_accepted = bool([row for statement in ack for row in self.run(statement)])
            if is_accepted:
                self.commit()
            return is_accepted
        finally:
            self.rollback()

    def rollback(self) -> None:
        if not self._is_over:
            self._is_over = True
            self._connections.give_back(self._connection)


class AsyncSqliteTransaction:
    """`packhorse.statement.AsyncTransaction` on a connection of aiosqlite that is closed at its end.

    It begins with the first statement that inserts, updates or deletes, so that a coroutine that computes before it
    writes holds nobody up.
    """

    def __init__(self, connection: aiosqlite.Connection, connections: Connections) -> None:
        self._connection = connection
        self._path = connections.path
        self._has_begun = False

    @property
    def connection(self) -> aiosqlite.Connection:
        return self._connection

    async def execute(self, text: str, params: Any = ()) -> aiosqlite.Cursor:
        return await self._connection.execute(text, params)

    async def run(self, statement: Statement) -> list[Row]:
        try:
            async with self._connection.execute(statement.text, dict(statement.params)) as cursor:
                cursor.row_factory = None
                return list(await cursor.fetchall())
        except sqlite3.Error as error:
            raise translated(error, self._path) from error

    @contextlib.asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        if self._connection.in_transaction:
            async with asavepoint_on(self._connection.execute):
                yield
            return
        if self._has_begun:
            raise SavepointLost
        changes = self._connection.total_changes
        try:
            yield
        except BaseException:
            await self._connection.rollback()
            raise
        self._has_begun = self._connection.in_transaction
        if self._connection.total_changes > changes and not self._has_begun:
            raise SavepointLost

    async def commit(self) -> None:
        try:
            await self._connection.commit()
        except sqlite3.Error as error:
            raise translated(error, self._path) from error
        finally:
            await self._connection.close()

    async def commit_with(self, ack: Sequence[Statement]) -> bool:
        try:
            is_accepted = bool([row for statement in ack for row in await self.run(statement)])
            if is_accepted:
                await self.commit()
            return is_accepted
        finally:
            await self.rollback()

    async def rollback(self) -> None:
        with contextlib.suppress(sqlite3.Error, ValueError):
            await self._connection.rollback()
        with contextlib.suppress(sqlite3.Error, ValueError):
            await self._connection.close()


async def begin_async(connections: Connections) -> AsyncSqliteTransaction:
    """Open a connection of aiosqlite, which waits for the write lock in a thread of its own.

    Raises:
        ConfigurationError: aiosqlite is not installed.
    """
    try:
        import aiosqlite
    except ImportError:
        raise ConfigurationError(
            "transactions of coroutines on SQLite need aiosqlite: pip install 'packhorse[aiosqlite]'"
        ) from None
    return AsyncSqliteTransaction(await aiosqlite.Connection(connections.open_lazy, 64), connections)
