"""What a running handler can ask: its job, its transaction, its log."""

from __future__ import annotations

import inspect
import json
import logging
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import cached_property
from typing import Any, Protocol

from packhorse.domain.acting import Acting, RolesOf, acting_in, completed
from packhorse.domain.batch import Occasion, occasion_in
from packhorse.domain.job import ClaimedJob
from packhorse.domain.outcome import Cancel
from packhorse.errors import UsageError
from packhorse.journal import NOWHERE, JobLog, Journal, RunJournal, check_progress
from packhorse.statement import AsyncTransaction, Row, Statement, Transaction

_current: ContextVar[Context] = ContextVar("packhorse_context")
_opening = threading.Lock()

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
    """The same for an `async def` handler; it is open from the start."""

    def __init__(self, opened: AsyncTransaction, sessions: SessionFactory = no_sessions) -> None:
        self._opened = opened
        self._sessions = sessions
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

    async def commit_with(self, ack: Sequence[Statement]) -> bool:
        """As `TaskTransaction.commit_with`."""
        if self._session is not None:
            await self._session.commit()
        return await self._leave() and await self._opened.commit_with(ack)

    async def rollback(self) -> None:
        """Roll back; for the worker. Never raises."""
        if await self._leave():
            await self._opened.rollback()

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


class Watch(Protocol):
    """What the worker knows of a run and its handler does not."""

    @property
    def cancelled_by(self) -> str | None:
        """Who has asked for the job's cancellation, once the worker has heard of it."""
        ...

    def is_late(self) -> bool:
        """Whether the time limit has passed."""
        ...

    def is_stopped(self) -> bool:
        """Whether the worker has cancelled it because it stops."""
        ...


class _Unwatched:
    """Of a run that nobody watches: neither late, nor stopped, nor cancelled."""

    cancelled_by: str | None = None

    def is_late(self) -> bool:
        return False

    def is_stopped(self) -> bool:
        return False


UNWATCHED: Watch = _Unwatched()


class Context:
    """What a running handler can ask; its optional first argument, or `packhorse.current()` anywhere below it."""

    _said: RunJournal | None = None
    roles_of: RolesOf | None = None
    """Where the user's roles are found, if the application has said so."""

    def __init__(
        self,
        job: ClaimedJob,
        tx: TaskTransaction | AsyncTaskTransaction | None = None,
        watch: Watch = UNWATCHED,
        journal: Journal = NOWHERE,
    ) -> None:
        self.job = job
        self._tx = tx
        self._watch = watch
        self.journal = journal

    @cached_property
    def meta(self) -> dict[str, Any]:
        """What middleware sent along at the enqueue; empty when there is nothing, or nothing readable."""
        try:
            meta = json.loads(self.job.meta or "{}")
        except ValueError:
            return {}
        return meta if isinstance(meta, dict) else {}

    @property
    def occasion(self) -> Occasion | None:
        """What this job tells of, where it is the callback of a batch: the batch, and for `on_each` its job."""
        return occasion_in(self.meta)

    @cached_property
    def acting(self) -> Acting:
        """On whose behalf the job was enqueued: its user, else its creator; its role, else the user's first valid one.

        Raises:
            PayloadError: it can't be read.
        """
        return completed(acting_in(self.job.meta), self.roles_of)

    @property
    def tx(self) -> Any:
        """The transaction that commits with the acknowledgement: only in a task with `atomic=True`.

        Raises:
            UsageError: the task is not atomic.
        """
        if self._tx is None:
            raise UsageError(f"task {self.job.task} has no transaction: declare it with @app.task(atomic=True)")
        return self._tx

    @property
    def transaction(self) -> TaskTransaction | AsyncTaskTransaction | None:
        """The same, or None in a task that is not atomic."""
        return self._tx

    @property
    def log(self) -> logging.LoggerAdapter[logging.Logger]:
        """A logger for this run: its lines go into the job's log, whatever their level, and on through `logging`."""
        return JobLog(self.job, self.said)

    def progress(self, done: float, total: float | None = None, note: str | None = None) -> None:
        """Say how far the job has come; cheap enough for every element, since it is stored about twice a second.

        Within a run it never goes back: a smaller `done` than before counts as the one before. It is kept whatever
        becomes of the run, and never waits for the database.

        Args:
            done: how much is done, a number of at least 0.
            total: how much there is; None when nobody knows. More may be done than there is.
            note: what it is at, for people; the first 500 characters are kept.

        Raises:
            UsageError: an argument is wrong.
            Cancel: somebody has asked for the job's cancellation; let it end the run.
        """
        check_progress(done, total, note)
        self.said.progress(done, total, note)
        self.check_cancelled()

    @property
    def cancelled(self) -> bool:
        """Whether somebody has asked for the job's cancellation; seen within about a second.

        Nothing ends a handler that does not look. One that looks completes or undoes what it is at and raises `Cancel`.
        """
        return self._watch.cancelled_by is not None

    def check_cancelled(self) -> None:
        """End the run here if somebody has asked for the job's cancellation.

        Raises:
            Cancel: somebody has; let it end the run.
        """
        if (by := self._watch.cancelled_by) is not None:
            raise Cancel(f"cancelled by {by}")

    @property
    def is_late(self) -> bool:
        """Whether the task's time limit has passed; it ends no function that does not look."""
        return self._watch.is_late()

    @property
    def said(self) -> RunJournal:
        """What takes this run's lines and progress; for the worker."""
        if (said := self._said) is None:
            with _opening:
                said = self._said = vars(self).get("_said") or self.journal.open(self.job)
        return said


def current() -> Context:
    """The context of the job that is running here.

    Raises:
        UsageError: no job is running in this thread or coroutine.
    """
    context = _current.get(None)
    if context is None:
        raise UsageError("packhorse.current() works only inside a running job")
    return context


def find_current() -> Context | None:
    """The context of the job that is running here, or None."""
    return _current.get(None)


class Entered:
    """Makes a context the current one while its handler runs, inside a `with` block; one is made for every run.

    When that has ended, what it said is stored soon.
    """

    __slots__ = ("_context", "_token")

    def __init__(self, context: Context) -> None:
        self._context = context

    def __enter__(self) -> None:
        self._token = _current.set(self._context)

    def __exit__(self, *raised: object) -> None:
        _current.reset(self._token)
        if (said := self._context._said) is not None:  # noqa: SLF001 - asked without a call, once for every run
            said.close()
