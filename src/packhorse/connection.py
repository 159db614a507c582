"""The contract of a connection adapter: how a statement of ours is run on a connection that the caller brings."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, Literal, Protocol

from packhorse.fate import Fate
from packhorse.statement import Row, Statement


class AnyConnection(Protocol):
    """What synchronous and asynchronous connections have in common."""

    @property
    def dialect(self) -> str:
        """`sqlite`, `postgresql`, or what else the caller's library calls its database."""
        ...

    @property
    def raw(self) -> object:
        """What the caller brought."""
        ...

    def in_transaction(self) -> bool:
        """Whether the caller's transaction is still open, so that what was written is not visible yet."""
        ...

    def commits_alone(self) -> bool:
        """Whether what is run now commits by itself, so that several statements need a `transaction`."""
        ...

    def on_commit(self, callback: Callable[[], None]) -> bool:
        """Call back once after the caller's commit, never after a rollback; False when that can't be seen here."""
        ...

    def on_rollback(self, callback: Callable[[], None]) -> bool:
        """Call back once after the caller's rollback (of the savepoint, too); False when that can't be seen here."""
        ...

    def fate(self) -> Fate | None:
        """What learns how the present savepoint, or the transaction, ends; None when that can't be seen here."""
        ...


class Connection(AnyConnection, Protocol):
    """A caller's synchronous connection (or session), as far as we need it."""

    is_async: Literal[False]
    """That `run` returns at once."""

    def place(self) -> str:
        """Which database it reaches, for messages; never with a password."""
        ...

    def run(self, statement: Statement) -> list[Row]:
        """Run the statement inside the caller's open transaction; its rows, [] for none. Commits nothing."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """A transaction, or a savepoint in the open one, whose commit `on_commit` sees."""
        ...


class AsyncConnection(AnyConnection, Protocol):
    """A caller's asynchronous connection (or session), as far as we need it."""

    is_async: Literal[True]
    """That `run` must be awaited."""

    async def place(self) -> str:
        """Which database it reaches, for messages; never with a password."""
        ...

    async def run(self, statement: Statement) -> list[Row]:
        """Run the statement inside the caller's open transaction; its rows, [] for none. Commits nothing."""
        ...

    def transaction(self) -> AbstractAsyncContextManager[None]:
        """A transaction, or a savepoint in the open one, whose commit `on_commit` sees."""
        ...


Adapt = Callable[[Any], "Connection | AsyncConnection | None"]
"""Recognises a connection: the adapter for it, or None when it is of another kind."""
