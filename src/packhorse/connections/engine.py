"""A transaction of the application's own, on a connection of its own, as `app.transaction()` opens it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final, Generic, Literal, TypeVar

from packhorse.connections.own import OURS
from packhorse.connections.scope import Waiting
from packhorse.errors import UsageError
from packhorse.fate import Fate
from packhorse.statement import AsyncTransaction, Row, Statement, Transaction

OPEN_ALREADY: Final = "this transaction of the application's own is open already: use it as it is"

T = TypeVar("T", bound=Transaction | AsyncTransaction)


class _Own(Generic[T]):
    dialect: str = OURS

    def __init__(self, opened: T) -> None:
        self._opened = opened
        self._waiting = Waiting()
        self._is_entered = False

    @property
    def raw(self) -> object:
        """The driver's own connection."""
        return self._opened.connection

    def in_transaction(self) -> bool:
        """That it is open."""
        return True

    def commits_alone(self) -> bool:
        """That it is open."""
        return False

    def _enter_once(self) -> None:
        """Refuse a block within the block: its end would commit what the outer one may yet roll back."""
        if self._is_entered:
            raise UsageError(OPEN_ALREADY)
        self._is_entered = True

    def on_commit(self, callback: Callable[[], None]) -> bool:
        """Call back after the commit."""
        self._waiting.on_commit(callback)
        return True

    def on_rollback(self, callback: Callable[[], None]) -> bool:
        """Call back after the rollback."""
        self._waiting.on_rollback(callback)
        return True

    def fate(self) -> Fate:
        """What learns how it ends."""
        return self._waiting.fate()


class EngineTransaction(_Own[Transaction]):
    """An engine's transaction that is open already."""

    is_async: Literal[False] = False

    def place(self) -> str:
        """Which one it is."""
        return "the application's own database"

    def run(self, statement: Statement) -> list[Row]:
        """Run the statement."""
        return self._opened.run(statement)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit it at the end of the block, or roll it back."""
        self._enter_once()
        try:
            yield
        except BaseException:
            self._opened.rollback()
            self._waiting.rollback()
            raise
        try:
            self._opened.commit()
        except BaseException:
            self._waiting.rollback()
            raise
        self._waiting.commit()


class EngineAsyncTransaction(_Own[AsyncTransaction]):
    """The same for coroutines."""

    is_async: Literal[True] = True

    async def place(self) -> str:
        """Which one it is."""
        return "the application's own database"

    async def run(self, statement: Statement) -> list[Row]:
        """Run the statement."""
        return await self._opened.run(statement)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """Commit it at the end of the block, or roll it back."""
        self._enter_once()
        try:
            yield
        except BaseException:
            await self._opened.rollback()
            self._waiting.rollback()
            raise
        try:
            await self._opened.commit()
        except BaseException:
            self._waiting.rollback()
            raise
        self._waiting.commit()
