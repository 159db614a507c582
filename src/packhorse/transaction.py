"""`app.transaction`: a transaction whose commit is seen, on any connection."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
)
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from packhorse.blocks import OpenBlocks
from packhorse.connection import AnyConnection, AsyncConnection, Connection
from packhorse.connections.engine import OPEN_ALREADY, EngineAsyncTransaction, EngineTransaction
from packhorse.errors import UnsupportedConnection, UsageError

if TYPE_CHECKING:
    from types import TracebackType

    from packhorse.engine import Engine

C = TypeVar("C", bound=AnyConnection)


class OpenTransaction(Generic[C]):
    """An open transaction; also good as `conn=`.

    Attributes:
        adapted: the adapter of its connection.
    """

    def __init__(self, adapted: C) -> None:
        self.adapted: C = adapted

    @property
    def connection(self) -> Any:
        """The caller's connection or session; the driver's own for a transaction of the application's own."""
        return self.adapted.raw

    def on_commit(self, callback: Callable[[], None]) -> None:
        """Call back once after the commit; never after a rollback, nor after that of the present savepoint."""
        self.adapted.on_commit(callback)

    def on_rollback(self, callback: Callable[[], None]) -> None:
        """Call back once after the rollback, of the present savepoint, too."""
        self.adapted.on_rollback(callback)

    def execute(self, text: Any, params: Any = ()) -> Any:
        """Run the caller's SQL with the connection's own `execute`; an asynchronous one must be awaited."""
        return self.connection.execute(text, params) if params else self.connection.execute(text)


class TransactionBlock:
    """What `app.transaction()` returns: to be entered once, by `with` or `async with`."""

    def __init__(
        self,
        connection: Connection | AsyncConnection | None,
        engine: Callable[[], Engine],
        blocks: OpenBlocks,
        ended: Callable[[], None],
    ) -> None:
        self._connection = connection
        self._engine = engine
        self._blocks = blocks
        self._ended = ended
        self._entered: AbstractContextManager[OpenTransaction[Connection]] | None = None
        self._aentered: AbstractAsyncContextManager[OpenTransaction[AsyncConnection]] | None = None

    def __enter__(self) -> OpenTransaction[Connection]:
        self._entered = self._open()
        return self._entered.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        return self._entered.__exit__(kind, error, traceback) if self._entered is not None else None

    async def __aenter__(self) -> OpenTransaction[AsyncConnection]:
        self._aentered = self._aopen()
        return await self._aentered.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        return await self._aentered.__aexit__(kind, error, traceback) if self._aentered is not None else None

    @contextmanager
    def _open(self) -> Iterator[OpenTransaction[Connection]]:
        connection = self._connection or EngineTransaction(self._own().begin())
        if connection.is_async is True:
            raise UnsupportedConnection(f"{connection.raw!r} is for coroutines: use `async with app.transaction(conn)`")
        try:
            with connection.transaction(), self._blocks.entered(connection):
                yield OpenTransaction(connection)
        finally:
            self._ended()

    @asynccontextmanager
    async def _aopen(self) -> AsyncIterator[OpenTransaction[AsyncConnection]]:
        connection = self._connection or EngineAsyncTransaction(await self._own().abegin())
        if connection.is_async is False:
            raise UnsupportedConnection(f"{connection.raw!r} is not for coroutines: use `with app.transaction(conn)`")
        try:
            async with connection.transaction():
                with self._blocks.entered(connection):
                    yield OpenTransaction(connection)
        finally:
            self._ended()

    def _own(self) -> Engine:
        """The engine for a transaction of the application's own; inside another one it would wait for that."""
        if isinstance(self._blocks.find_here(), EngineTransaction | EngineAsyncTransaction):
            raise UsageError(OPEN_ALREADY)
        return self._engine()
