"""Enqueue on an `aiosqlite.Connection`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal, cast

import aiosqlite

from packhorse.connection import AsyncConnection
from packhorse.connections.scoped import AsyncScoped
from packhorse.connections.sqlite import DATABASES, begins_by_itself, file_in, guard_words, transaction_words
from packhorse.statement import Row, Statement


class AiosqliteConnection(AsyncScoped[aiosqlite.Connection]):
    """A connection of aiosqlite: a sqlite3 connection in a thread of its own."""

    dialect: str = "sqlite"
    is_async: Literal[True] = True

    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self._raw.in_transaction

    def commits_alone(self) -> bool:
        """In autocommit mode, the driver's or that of Python 3.12, outside a transaction."""
        inner = self._raw._conn  # noqa: SLF001 - aiosqlite passes the isolation level on, and not autocommit
        return not begins_by_itself(inner) and not self.in_transaction()

    async def run(self, statement: Statement) -> list[Row]:
        """Run the statement; in sqlite3's own mode it opens a transaction, as the caller's writes do."""
        for text in guard_words():
            await (await self._raw.execute(text)).close()
        return await self._rows(statement.text, dict(statement.params))

    async def place(self) -> str:
        """The file."""
        return file_in(await self._rows(DATABASES, {}))

    async def _rows(self, text: str, params: dict[str, Any]) -> list[Row]:
        async with self._raw.execute(text, params) as cursor:
            cursor.row_factory = None
            return cast("list[Row]", list(await cursor.fetchall()))

    @asynccontextmanager
    async def _begin(self, depth: int) -> AsyncIterator[None]:
        begin, commit, undo = transaction_words(depth)
        await self._raw.execute(begin)
        try:
            yield
            await self._raw.execute(commit)
        except BaseException:
            if self._raw.in_transaction:
                for word in undo:
                    await self._raw.execute(word)
            raise


def adapt(raw: object) -> AsyncConnection | None:
    """The adapter for an aiosqlite connection, else None."""
    return AiosqliteConnection(raw) if isinstance(raw, aiosqlite.Connection) else None
