"""Statements as values, and the transactions of an engine that run them. The docstrings are normative."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

Row = Sequence[Any]
"""One row of a result, its columns in the order of the statement."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement as a value: somebody else's connection may run it.

    Attributes:
        text: the SQL with parameters written `:name`, and no other colon before a letter.
        params: the values; only text, whole numbers and None, so that every driver can pass them.
        limits: what a transaction of ours sends along in front of it; a caller's connection leaves it out.
        fenced: the same, but failing in place of returning no row, for an engine that commits in the same message.
    """

    text: str
    params: Mapping[str, str | int | None]
    limits: str = ""
    fenced: str = ""


class Transaction(Protocol):
    """A write transaction of this engine, for a handler and its acknowledgement."""

    @property
    def connection(self) -> Any:
        """The driver's own connection."""
        ...

    def execute(self, text: str, params: Any = ()) -> Any:
        """Run the caller's own SQL, in the driver's own parameter style; returns the driver's cursor."""
        ...

    def run(self, statement: Statement) -> list[Row]:
        """Run one of our statements; its rows, [] when it returns none."""
        ...

    def savepoint(self) -> AbstractContextManager[None]:
        """A block whose writes, and nothing else, are undone when it raises or when they can't be kept.

        Raises:
            SavepointLost: they can't be undone alone, so that the transaction is to be rolled back.
        """
        ...

    def commit(self) -> None:
        """Commit and give the connection back."""
        ...

    def commit_with(self, ack: Sequence[Statement]) -> bool:
        """Run an acknowledgement and commit, else roll back; whether it was accepted. Over even if that raises."""
        ...

    def rollback(self) -> None:
        """Roll back and give the connection back; never raises."""
        ...


class AsyncTransaction(Protocol):
    """The same for a coroutine."""

    @property
    def connection(self) -> Any:
        """The driver's own asynchronous connection."""
        ...

    async def execute(self, text: str, params: Any = ()) -> Any:
        """As `Transaction.execute`."""

    async def run(self, statement: Statement) -> list[Row]:
        """As `Transaction.run`."""
        ...

    def savepoint(self) -> AbstractAsyncContextManager[None]:
        """As `Transaction.savepoint`."""
        ...

    async def commit(self) -> None:
        """As `Transaction.commit`."""

    async def commit_with(self, ack: Sequence[Statement]) -> bool:
        """As `Transaction.commit_with`."""
        ...

    async def rollback(self) -> None:
        """As `Transaction.rollback`."""
