"""What the adapters of plain driver connections share: their commit is seen only inside `app.transaction`."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, contextmanager
from typing import Generic, TypeVar

from packhorse.connections.scope import Waiting, close_scope, find_scope, open_scope
from packhorse.errors import UsageError
from packhorse.fate import Fate

C = TypeVar("C")


class _Scoped(Generic[C]):
    """A driver's connection, whose end of a transaction is known when `app.transaction` ends it."""

    def __init__(self, raw: C) -> None:
        self._raw = raw

    @property
    def raw(self) -> C:
        """What the caller brought."""
        return self._raw

    @abstractmethod
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""

    def on_commit(self, callback: Callable[[], None]) -> bool:
        """Call back after the commit; False outside `app.transaction`."""
        scope = find_scope(self._raw)
        if scope is not None:
            scope.on_commit(callback)
        return scope is not None

    def on_rollback(self, callback: Callable[[], None]) -> bool:
        """Call back after the rollback; False outside `app.transaction`."""
        scope = find_scope(self._raw)
        if scope is not None:
            scope.on_rollback(callback)
        return scope is not None

    def fate(self) -> Fate | None:
        """What learns how the transaction ends; None outside `app.transaction`."""
        scope = find_scope(self._raw)
        return None if scope is None else scope.fate()

    def _entered(self) -> tuple[Waiting, int]:
        """What waits for the transaction that begins now, and how many savepoints are around it."""
        scope = find_scope(self._raw)
        if scope is not None:
            scope.enter(scope.depth + 1)
            return scope, scope.depth
        if self.in_transaction():
            raise UsageError(
                "the connection has a transaction open already, and its commit could not be seen: "
                "commit it or roll it back before app.transaction(conn)"
            )
        return open_scope(self._raw), 0

    def _left(self, scope: Waiting, depth: int, *, committed: bool) -> None:
        if depth:
            (scope.release if committed else scope.undo)(depth)
            return
        close_scope(self._raw)
        (scope.commit if committed else scope.rollback)()


class Scoped(_Scoped[C]):
    """A synchronous connection."""

    @abstractmethod
    def _begin(self, depth: int) -> AbstractContextManager[object]:
        """A transaction, or, from depth 1 on, a savepoint in it."""

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A transaction, or a savepoint in one that was opened here, too."""
        scope, depth = self._entered()
        committed = False
        try:
            with self._begin(depth):
                yield
                committed = True
        except BaseException:
            committed = False
            raise
        finally:
            self._left(scope, depth, committed=committed)


class AsyncScoped(_Scoped[C]):
    """An asynchronous connection."""

    @abstractmethod
    def _begin(self, depth: int) -> AbstractAsyncContextManager[object]:
        """A transaction, or, from depth 1 on, a savepoint in it."""

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """A transaction, or a savepoint in one that was opened here, too."""
        scope, depth = self._entered()
        committed = False
        try:
            async with self._begin(depth):
                yield
                committed = True
        except BaseException:
            committed = False
            raise
        finally:
            self._left(scope, depth, committed=committed)
