"""Enqueue on a psycopg `Connection` or `AsyncConnection`."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, Literal

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row

from packhorse.connection import AsyncConnection, Connection
from packhorse.connections.scoped import AsyncScoped, Scoped
from packhorse.connections.style import pyformat
from packhorse.statement import Row, Statement


class PsycopgConnection(Scoped[psycopg.Connection[Any]]):
    """A connection of psycopg 3."""

    dialect: str = "postgresql"
    is_async: Literal[False] = False

    def place(self) -> str:
        """Host, port and database."""
        return _place(self._raw.info)

    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return _is_open(self._raw.info)

    def commits_alone(self) -> bool:
        """In autocommit mode, outside a transaction."""
        return self._raw.autocommit and not self.in_transaction()

    def run(self, statement: Statement) -> list[Row]:
        """Run the statement, unprepared; psycopg opens a transaction unless the connection is in autocommit mode."""
        with psycopg.Cursor(self._raw, row_factory=tuple_row) as cursor:
            cursor.execute(pyformat(statement.text).encode(), statement.params, prepare=False)
            return list(cursor.fetchall()) if cursor.description else []

    def _begin(self, depth: int) -> AbstractContextManager[object]:
        return self._raw.transaction()


class PsycopgAsyncConnection(AsyncScoped[psycopg.AsyncConnection[Any]]):
    """The same for coroutines."""

    dialect: str = "postgresql"
    is_async: Literal[True] = True

    async def place(self) -> str:
        """Host, port and database."""
        return _place(self._raw.info)

    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return _is_open(self._raw.info)

    def commits_alone(self) -> bool:
        """In autocommit mode, outside a transaction."""
        return self._raw.autocommit and not self.in_transaction()

    async def run(self, statement: Statement) -> list[Row]:
        """Run the statement, unprepared; psycopg opens a transaction unless the connection is in autocommit mode."""
        async with psycopg.AsyncCursor(self._raw, row_factory=tuple_row) as cursor:
            await cursor.execute(pyformat(statement.text).encode(), statement.params, prepare=False)
            return list(await cursor.fetchall()) if cursor.description else []

    def _begin(self, depth: int) -> AbstractAsyncContextManager[object]:
        return self._raw.transaction()


def adapt(raw: object) -> Connection | AsyncConnection | None:
    """The adapter for a psycopg connection, else None."""
    if isinstance(raw, psycopg.Connection):
        return PsycopgConnection(raw)
    if isinstance(raw, psycopg.AsyncConnection):
        return PsycopgAsyncConnection(raw)
    return None


def _is_open(info: psycopg.ConnectionInfo) -> bool:
    """Whether a transaction is open; none is on a closed connection, whose status is unknown."""
    return info.transaction_status not in (TransactionStatus.IDLE, TransactionStatus.UNKNOWN)


def _place(info: psycopg.ConnectionInfo) -> str:
    return f"postgresql://{info.host}:{info.port}/{info.dbname}"
