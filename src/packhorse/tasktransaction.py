"""The transaction of an atomic handler, as `ctx.tx` has it: that of a function, and that of a coroutine."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

from packhorse.errors import UsageError
from packhorse.statement import AsyncTransaction, Row, Statement, Transaction

SessionFactory = Callable[[Any], Any]
"""Makes an SQLAlchemy session over a transaction's connection."""


def no_sessions(transaction: Any) -> Any:
    """Where SQLAlchemy is not set up: says so when a session is asked for."""
    raise UsageError("ctx.tx.session needs SQLAlchemy: pip install 'packhorse[sqlalchemy]'")


class TaskTransaction:
    """The transaction of an atomic handler; it opens at its first use and commits with the acknowledgement.

    The handler never commits it: when it returns, its writes and the acknowledgement commit together; when it
    raises, both are undone.
    """

    def __init__(
        self, begin: Callable[[], Transaction], sessions: SessionFactory = no_sessions, *, is_eager: bool = False
    ) -> None:
        self._begin = begin
        self._sessions = sessions
        self._is_eager = is_eager
        self._session: Any = None
        self._opened: Transaction | None = None

    @property
    def is_open(self) -> bool:
        """Whether the handler has used it."""
        return self._opened is not None

    @property
    def connection(self) -> Any:
        """The driver's own connection (`sqlite3.Connection`, `psycopg.Connection`, or Django's)."""
        return self._open().connection

    @property
    def session(self) -> Any:
        """An SQLAlchemy `Session` on this very connection; flushed before the acknowledgement."""
        if self._session is None:
            self._session = self._sessions(self._open())
        return self._session

    def execute(self, text: str, params: Any = ()) -> Any:
        """Run SQL in the driver's own parameter style; returns the driver's cursor."""
        return self._open().execute(text, params)

    def run(self, statement: Statement) -> list[Row]:
        """Run one of Packhorse's own statements (an enqueue, the acknowledgement)."""
        return self._open().run(statement)

    def ready(self) -> None:
        """Open it now, where a framework's own calls are to write in it; for the worker."""
        if self._is_eager:
            self._open()

    def open(self) -> None:
        """Open it now, used or not; for the worker."""
        self._open()

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """A block whose writes are undone when it raises, and nothing else.

        What the session does in it is written and undone with it; that may commit and roll back as it likes. Where
        nothing was opened before the block, what it has opened is rolled back in place of a savepoint.

        Raises:
            SavepointLost: they can't be undone alone, so that the transaction is to be rolled back.
        """
        self.ready()
        self._settle()
        with self._open().savepoint() if self.is_open else self._alone():
            try:
                yield
                self._settle()
            except BaseException:
                if self._session is not None:
                    self._session.rollback()
                raise

    def commit_with(self, ack: Sequence[Statement]) -> bool:
        """Commit with the acknowledgement, or roll back if that is refused; for the worker. Whether it was accepted.

        What the session still holds back is written first: to it this transaction is a savepoint, which it commits.
        """
        if self._session is not None:
            self._session.commit()
        opened = self._leave()
        return opened is not None and opened.commit_with(ack)

    def rollback(self) -> None:
        """Roll back; for the worker. Never raises."""
        if (opened := self._leave()) is not None:
            opened.rollback()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.rollback()
            raise

    def _settle(self) -> None:
        if self._session is not None:
            self._session.settle()

    def _open(self) -> Transaction:
        if self._opened is None:
            self._opened = self._begin()
        return self._opened

    def _leave(self) -> Transaction | None:
        """The session lets go of the connection before that goes back to its pool."""
        session, self._session = self._session, None
        opened, self._opened = self._opened, None
        if session is not None:
            with suppress(Exception):
                session.close()
        return opened


class AsyncTaskTransaction:
    """The same for an `async def` handler; it is open from the start.

    Args:
        opened: the engine's.
        sessions: makes an SQLAlchemy session over it.
        begin: opens another one, for a handler that commits in parts.
    """

    def __init__(
        self,
        opened: AsyncTransaction,
        sessions: SessionFactory = no_sessions,
        begin: Callable[[], Awaitable[AsyncTransaction]] | None = None,
    ) -> None:
        self._opened = opened
        self._sessions = sessions
        self._begin = begin
        self._session: Any = None
        self._is_open = True
        self._executed: list[tuple[str, Coroutine[Any, Any, Any]]] = []
        """What may still wait for its `await`; what has started is let go."""

    @property
    def connection(self) -> Any:
        """The driver's own asynchronous connection (`aiosqlite.Connection`, `psycopg.AsyncConnection`)."""
        return self._opened.connection

    @property
    def session(self) -> Any:
        """An SQLAlchemy `AsyncSession` on this very connection; flushed before the acknowledgement."""
        if self._session is None:
            self._session = self._sessions(self._opened)
        return self._session

    def execute(self, text: str, params: Any = ()) -> Coroutine[Any, Any, Any]:
        """Run SQL in the driver's own parameter style; to be awaited, which returns the driver's cursor."""
        while self._executed and not _is_unstarted(self._executed[-1][1]):
            self._executed.pop()
        running = self._opened.execute(text, params)
        self._executed.append((text, running))
        return running

    def forgotten(self) -> str | None:
        """The first SQL given to `execute` that nobody has awaited, and nobody can any more; None for none."""
        unstarted = [(text, running) for text, running in self._executed if _is_unstarted(running)]
        for _, running in unstarted:
            running.close()
        return unstarted[0][0] if unstarted else None

    async def run(self, statement: Statement) -> list[Row]:
        """Run one of Packhorse's own statements (an enqueue, the acknowledgement)."""
        return await self._opened.run(statement)

    def take_forgotten(self) -> bool:
        """Whether the session has forgotten what was loaded, since this was last asked; for the worker."""
        if self._session is None:
            return False
        session = self._session.sync_session
        has_forgotten, session.has_forgotten = session.has_forgotten, False
        return bool(has_forgotten)

    async def ready(self) -> None:
        """Open another one where it was committed; for the worker."""
        if not self._is_open and self._begin is not None:
            self._opened, self._is_open = await self._begin(), True

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """As `TaskTransaction.savepoint`."""
        await self._settle()
        async with self._opened.savepoint():
            try:
                yield
                await self._settle()
            except BaseException:
                if self._session is not None:
                    await self._session.rollback()
                raise

    async def commit_with(self, ack: Sequence[Statement]) -> bool:
        """As `TaskTransaction.commit_with`."""
        if self._session is not None:
            await self._session.commit()
        return await self._leave() and await self._opened.commit_with(ack)

    async def rollback(self) -> None:
        """Roll back; for the worker. Never raises."""
        if await self._leave():
            await self._opened.rollback()

    async def _settle(self) -> None:
        if self._session is not None:
            await self._session.run_sync(lambda session: session.settle())

    async def _leave(self) -> bool:
        """The session lets go of the connection before that goes back; whether the transaction was still open."""
        session, self._session = self._session, None
        was_open, self._is_open = self._is_open, False
        if session is not None:
            with suppress(Exception):
                await session.close()
        return was_open


def _is_unstarted(running: Coroutine[Any, Any, Any]) -> bool:
    return inspect.iscoroutine(running) and inspect.getcoroutinestate(running) == inspect.CORO_CREATED
