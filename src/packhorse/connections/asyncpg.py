"""Enqueue on an asyncpg `Connection`, or on one that a pool has lent."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any, Literal

import asyncpg
import asyncpg.pool

from packhorse.connection import AsyncConnection
from packhorse.connections.scoped import AsyncScoped
from packhorse.connections.style import numbered
from packhorse.statement import Row, Statement


class AsyncpgConnection(AsyncScoped[Any]):
    """A connection of asyncpg."""

    dialect: str = "postgresql"
    is_async: Literal[True] = True

    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return bool(self._raw.is_in_transaction())

    def commits_alone(self) -> bool:
        """Outside a transaction."""
        return not self.in_transaction()

    async def place(self) -> str:
        """Host, port and database, as far as asyncpg tells: only in private."""
        address = getattr(self._raw, "_addr", None)
        database = getattr(getattr(self._raw, "_params", None), "database", "?")
        where = ":".join(map(str, address)) if isinstance(address, tuple) else address or "?"
        return f"postgresql://{where}/{database}"

    async def run(self, statement: Statement) -> list[Row]:
        """Run the statement."""
        text, names = numbered(statement.text)
        return [tuple(record) for record in await self._raw.fetch(text, *(statement.params[name] for name in names))]

    def _begin(self, depth: int) -> AbstractAsyncContextManager[object]:
        transaction: AbstractAsyncContextManager[object] = self._raw.transaction()
        return transaction


def adapt(raw: object) -> AsyncConnection | None:
    """The adapter for an asyncpg connection, else None."""
    kinds = (asyncpg.Connection, asyncpg.pool.PoolConnectionProxy)
    return AsyncpgConnection(raw) if isinstance(raw, kinds) else None
