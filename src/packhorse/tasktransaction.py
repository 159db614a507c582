"""The transaction of an atomic handler, as `ctx.tx` has it: that of a function, and that of a coroutine."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

from packhorse.errors import ConfigurationError, UsageError
from packhorse.filestore import FileStore
from packhorse.interrupting import to_its_end
from packhorse.runfiles import RunFiles
from packhorse.statement import AsyncTransaction, Row, Statement, Transaction

SessionFactory = Callable[[Any], Any]
"""Makes an SQLAlchemy session over a transaction's connection."""


NO_FILES = (
    "there is no folder for files: give one with Packhorse(files='/var/lib/shop/files'), PACKHORSE_FILES, "
    "or files in packhorse.toml"
)


def no_sessions(transaction: Any) -> Any:
    """Where SQLAlchemy is not set up: says so when a session is asked for."""
    raise UsageError("ctx.tx.session needs SQLAlchemy: pip install 'packhorse[sqlalchemy]'")


class WithFiles:
    """The files of a handler's transaction.

    Args:
        store: where they are; None where the application has no such place.
    """

    def __init__(self, store: FileStore | None) -> None:
        self._store = store
        self._files: RunFiles | None = None

    @property
    def files(self) -> RunFiles:
        """The application's files, as this transaction sees them.

        Raises:
            ConfigurationError: the application has no folder for files.
        """
        if self._store is None:
            raise ConfigurationError(NO_FILES)
        if self._files is None:
            self._files = RunFiles(self._store)
        return self._files

    @property
    def used_files(self) -> RunFiles | None:
        """The same where something was staged, else None; for the worker."""
        return self._files if self._files is not None and self._files.is_used else None

    @contextmanager
    def _files_undone(self) -> Iterator[None]:
        """A block that raises leaves no files, even where they were the first that the transaction has."""
        if self._store is None:
            yield
            return
        with self.files.undone_with():
            yield


class TaskTransaction(WithFiles):
    """The transaction of an atomic handler; it opens at its first use and commits with the acknowledgement.

    The handler never commits it: when it returns, its writes and the acknowledgement commit together; when it
    raises, both are undone.
    """

    def __init__(
        self,
        begin: Callable[[], Transaction],
        sessions: SessionFactory = no_sessions,
        store: FileStore | None = None,
        *,
        is_eager: bool = False,
    ) -> None:
        super().__init__(store)
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
    def is_used(self) -> bool:
        """Whether it is open, or has files, so that there is something to commit; for the worker."""
        return self.is_open or self.used_files is not None

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
        with self._files_undone(), self._open().savepoint() if self.is_open else self._alone():
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
        if (files := self.used_files) is not None:
            return self._commit_files(files, ack)
        opened = self._leave()
        return opened is not None and opened.commit_with(ack)

    def rollback(self) -> None:
        """Roll back; for the worker. Never raises."""
        self._roll_back()
        if (files := self.used_files) is not None:
            files.discard()

    def _commit_files(self, files: RunFiles, ack: Sequence[Statement]) -> bool:
        """What is staged is on the disk before the transaction opens here, which may keep other writers waiting."""
        statements = files.seal()
        opened = self._open()
        try:
            for statement in statements:
                opened.run(statement)
            self._leave()
            is_accepted = opened.commit_with(ack)
        except BaseException:
            opened.rollback()
            files.settle()
            raise
        if is_accepted:
            files.committed()
        else:
            files.discard()
        return is_accepted

    def _roll_back(self) -> None:
        if (opened := self._leave()) is not None:
            opened.rollback()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self._roll_back()
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


class AsyncTaskTransaction(WithFiles):
    """The same for an `async def` handler; it is open from the start.

    Args:
        opened: the engine's.
        sessions: makes an SQLAlchemy session over it.
        begin: opens another one, for a handler that commits in parts.
        store: where files are; None where the application has no such place.
    """

    def __init__(
        self,
        opened: AsyncTransaction,
        sessions: SessionFactory = no_sessions,
        begin: Callable[[], Awaitable[AsyncTransaction]] | None = None,
        store: FileStore | None = None,
    ) -> None:
        super().__init__(store)
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
        with self._files_undone():
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
        if (files := self.used_files) is not None:
            return await self._commit_files(files, ack)
        return await self._leave() and await self._opened.commit_with(ack)

    async def rollback(self) -> None:
        """Roll back; for the worker. Never raises."""
        await self._roll_back()
        if (files := self.used_files) is not None:
            await _in_thread(files.discard)

    async def _commit_files(self, files: RunFiles, ack: Sequence[Statement]) -> bool:
        is_accepted = False
        try:
            for statement in await asyncio.to_thread(files.seal):
                await self._opened.run(statement)
            is_accepted = await self._leave() and await self._opened.commit_with(ack)
        except BaseException:
            await self._opened.rollback()
            await _in_thread(files.settle)
            raise
        await _in_thread(files.committed if is_accepted else files.discard)
        return is_accepted

    async def _roll_back(self) -> None:
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


async def _in_thread(work: Callable[[], None]) -> None:
    """Do what must be done after the transaction, which is the end of the run: a cancellation comes too late."""
    with suppress(asyncio.CancelledError):
        await to_its_end(asyncio.to_thread(work))


def _is_unstarted(running: Coroutine[Any, Any, Any]) -> bool:
    return inspect.iscoroutine(running) and inspect.getcoroutinestate(running) == inspect.CORO_CREATED
