"""Enqueue in a transaction of Packhorse's own: `ctx.tx`, an engine's, or what `app.transaction()` gives."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, Final, Literal

from packhorse.connection import AsyncConnection, Connection
from packhorse.errors import UsageError
from packhorse.statement import Row, Statement

OURS: Final = ""
"""The dialect of a transaction that is ours, and so fits."""


class _Own:
    dialect: str = OURS

    def __init__(self, raw: Any) -> None:
        self._raw = raw

    @property
    def raw(self) -> object:
        """The transaction."""
        return self._raw

    def in_transaction(self) -> bool:
        """Whether it is open."""
        return True

    def commits_alone(self) -> bool:
        """That it is open."""
        return False

    def on_commit(self, callback: Callable[[], None]) -> bool:
        """Call back after its commit; False for that of a handler, which the worker commits."""
        hook = getattr(self._raw, "on_commit", None)
        return hook is not None and hook(callback) is not False

    def on_rollback(self, callback: Callable[[], None]) -> bool:
        """Call back after its rollback; False for that of a handler, which the worker rolls back."""
        hook = getattr(self._raw, "on_rollback", None)
        return hook is not None and hook(callback) is not False

    def fate(self) -> None:
        """That of a handler is the worker's to end."""
        return


class OwnTransaction(_Own):
    """A transaction of ours."""

    is_async: Literal[False] = False

    def place(self) -> str:
        """Which one it is."""
        return "the database of another Packhorse application"

    def run(self, statement: Statement) -> list[Row]:
        """Run the statement."""
        return list(self._raw.run(statement))

    def transaction(self) -> AbstractContextManager[None]:
        """No savepoint inside it: it is the worker's to commit."""
        raise UsageError("ctx.tx is a transaction already; it commits when the handler returns")


class OwnAsyncTransaction(_Own):
    """A transaction of ours, for coroutines."""

    is_async: Literal[True] = True

    async def place(self) -> str:
        """Which one it is."""
        return "the database of another Packhorse application"

    async def run(self, statement: Statement) -> list[Row]:
        """Run the statement."""
        return list(await self._raw.run(statement))

    def transaction(self) -> AbstractAsyncContextManager[None]:
        """No savepoint inside it: it is the worker's to commit."""
        raise UsageError("ctx.tx is a transaction already; it commits when the handler returns")


def adapt(raw: object) -> Connection | AsyncConnection | None:
    """The adapter for a transaction of ours, else None."""
    adapted: Connection | AsyncConnection | None = getattr(raw, "adapted", None)
    if adapted is not None:
        return adapted
    run = getattr(raw, "run", None)
    if run is None or not hasattr(raw, "execute"):
        return None
    return OwnAsyncTransaction(raw) if inspect.iscoroutinefunction(run) else OwnTransaction(raw)
