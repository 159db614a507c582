"""The composition root: an application's settings, its tasks, and the implementations behind the contracts."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, Literal, ParamSpec, Protocol, TypeVar, overload

from packhorse.backends import (
    DJANGO,
    find_home,
    find_rows,
    integration,
    loading,
    open_engine,
    open_notifier,
    session_on,
)
from packhorse.client import Client
from packhorse.commits import CommitWatch
from packhorse.config import Settings, WorkerMode
from packhorse.connection import AsyncConnection, Connection
from packhorse.connections.recognise import adapt
from packhorse.context import Context, find_current
from packhorse.deferred.deferring import Deferring
from packhorse.domain.outcome import Verdict
from packhorse.domain.retry import Backoff
from packhorse.engine import Engine
from packhorse.errors import ConfigurationError
from packhorse.filestore import FileStore
from packhorse.keeper import ScheduleBook
from packhorse.lockfirst import LockingFirst
from packhorse.middleware import Middleware
from packhorse.notifiers.local import announce, is_heard
from packhorse.options import Isolation, task_options
from packhorse.presets import PolicyName
from packhorse.queuetables.declaring import Tabling
from packhorse.records import Loading
from packhorse.scheduling import Scheduling
from packhorse.task import Task, TaskRegistry
from packhorse.tasktransaction import NO_FILES
from packhorse.transaction import TransactionBlock
from packhorse.workpackages.packaging import Packaging

if TYPE_CHECKING:
    from packhorse.deferred.home import Home
    from packhorse.domain.decide import Ack
    from packhorse.notifier import Notifier
    from packhorse.queuetables.table import MappedRows
    from packhorse.runtime.inline import InlineWorker
    from packhorse.runtime.run import Runner
    from packhorse.runtime.settings import WorkerSettings
    from packhorse.runtime.worker import Worker

_opening = threading.Lock()


def _renew() -> None:
    """In a forked child: the thread that may have held the lock is not there to release it."""
    global _opening  # noqa: PLW0603 - a held lock can only be replaced
    _opening = threading.Lock()


os.register_at_fork(after_in_child=_renew)

P = ParamSpec("P")
R = TypeVar("R")


class Unannotated:
    """Nothing's type: a first parameter that takes it takes anything, so the call can't be checked."""


class TaskDecorator(Protocol):
    """What `app.task(…)` with options returns: it turns a function into a task."""

    @overload
    def __call__(self, function: Callable[Concatenate[Unannotated, P], R], /) -> Task[..., R]: ...
    @overload
    def __call__(self, function: Callable[Concatenate[Context, P], R], /) -> Task[P, R]: ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> Task[P, R]: ...


class Packhorse(Client, Scheduling, Packaging, Deferring, Tabling, LockingFirst):
    """An application: its tasks, and the database that its jobs live in.

    Nothing is opened before the first use, so that a module may make one at its top.

    Args:
        url: where the jobs are: `sqlite:///shop.db` (relative), `sqlite:////var/shop.db`, `postgresql://…`, or
            `django://alias`; by default PACKHORSE_DATABASE_URL, then the settings file, then DATABASE_URL.
        schema: the PostgreSQL schema that holds the tables; `packhorse`.
        worker: `processes` (the default) leaves the jobs to `packhorse worker`; `inline` runs them in the producer's
            thread, after its commit; `immediate`, for tests under Django, at the enqueue, in the open transaction.
        middleware: code around every enqueue and every run, the first one outermost.
        files: the folder on the local disk that `ctx.files` writes to; by default PACKHORSE_FILES, then the settings
            file; without any there are no files.

    Raises:
        ConfigurationError: a setting is unknown or wrong.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        schema: str | None = None,
        worker: WorkerMode | None = None,
        middleware: Sequence[Middleware] = (),
        files: str | os.PathLike[str] | None = None,
    ) -> None:
        folder = None if files is None else os.fspath(files)
        self.settings: Settings = Settings.load(database_url=url, schema=schema, worker=worker, files=folder)
        self.middleware: tuple[Middleware, ...] = tuple(middleware)
        super().__init__(lambda: self.engine, TaskRegistry(), adapt, self.middleware)
        Packaging.__init__(self)
        Deferring.__init__(self)
        Tabling.__init__(self)
        self.book: ScheduleBook = ScheduleBook()
        self._engines: dict[int, Engine] = {}
        self._watch = self._commit_watch()
        self._inline: InlineWorker | None = None

    @overload
    def task(self, function: Callable[Concatenate[Unannotated, P], R], /) -> Task[..., R]: ...
    @overload
    def task(self, function: Callable[Concatenate[Context, P], R], /) -> Task[P, R]: ...
    @overload
    def task(self, function: Callable[P, R], /) -> Task[P, R]: ...
    @overload
    def task(
        self,
        *,
        name: str | None = None,
        aliases: Sequence[str] = (),
        queue: str | None = None,
        priority: int | str | None = None,
        max_attempts: int | None = None,
        backoff: Backoff | None = None,
        on_error: Mapping[type[BaseException], Verdict | type[Verdict]] | None = None,
        max_skips: int | None = None,
        max_crashes: int | None = None,
        reruns: int | None = None,
        policy: PolicyName = "task",
        timeout: timedelta | None = None,
        atomic: bool | None = None,
        isolation: Isolation = "inline",
        ack: Literal["batched", "each"] = "batched",
        keep_result: bool = True,
        responsible: str | None = None,
        allow_retry: bool = True,
    ) -> TaskDecorator: ...
    def task(self, function: Callable[..., Any] | None = None, **options: Any) -> Any:
        """Make a task of a function: `@app.task`, or with options `@app.task(queue="billing")`.

        A leading parameter annotated as `Context` (or called `ctx`) receives the context and is no part of the call.

        Args:
            function: the handler, `def` or `async def`.
            options: name: by default `module.qualname`; required in `__main__`, which is another module in a worker.
                aliases: former names, whose stored jobs are still run.
                queue: where its jobs go; `default`.
                priority: of its jobs: a number, small is urgent, or `urgent`, `high`, `medium` (the default), `low`,
                `minor`.
                max_attempts: how many counted failures make a job fail for good; 5.
                backoff: how long to wait between attempts; 2 s, doubled up to 1 hour, ± 20 %.
                on_error: what an exception of a type means, instead of a retry: `{ValueError: Fail}`.
                max_skips: how many skips make a job fail; no limit.
                max_crashes: how many times a job's worker may die before the job fails as `worker_lost`; 3.
                reruns: how many times a run that the database has undone for nobody's fault (a deadlock, a conflict of
                transactions) is run again at once, in place; none. Atomic tasks only.
                policy: the rules where nothing else is said: `task`, `work_package` or `deferred`.
                timeout: how long a run may take; no limit.
                atomic: whether the handler's writes through `ctx.tx` commit together with the acknowledgement; no,
                but for the policies `work_package` and `deferred`.
                isolation: `inline`, in the worker's process; or `process`, in a child that a timeout can kill.
                ack: `batched`, or `each`: every run is acknowledged at once, by itself.
                keep_result: whether the returned value is kept for `result()`.
                responsible: who is told when a job of it fails, unless the job names somebody.
                allow_retry: whether one that has failed waits in the inbox for a person; else it is dismissed at once.

        Raises:
            ConfigurationError: an option is wrong, or the name is missing.
            DuplicateTask: another task has the name.
        """
        if function is not None:
            return self._register(function, {})
        return lambda function: self._register(function, options)

    @property
    def engine(self) -> Engine:
        """The database backend; opened at the first use, and anew in a forked process.

        Raises:
            ConfigurationError: no database is configured, or its address is none of ours.
        """
        engine = self._engines.get(os.getpid())
        if engine is None:
            with _opening:
                engine = self._engines.get(os.getpid()) or open_engine(self.settings)
                self._engines[os.getpid()] = engine
        return engine

    def transaction(self, conn: object | None = None) -> TransactionBlock:
        """A transaction whose commit is seen: `with app.transaction(conn) as tx:`, or `async with`.

        On any connection; within an open transaction it is a savepoint. Without `conn`, on a connection of the
        application's own, read as `tx.connection`. On SQLite it begins with BEGIN IMMEDIATE. What is enqueued inside
        the block without a connection, in the same asyncio task or thread, belongs to it.
        """
        connection = None if conn is None else adapt(conn)
        self._catch_up(connection)
        return TransactionBlock(connection, lambda: self.engine, self._blocks, self._catch_up)

    def run_pending(self) -> int:
        """Run every job that is due, here and now, one after the other; how many.

        Does nothing inside a job. What inline mode calls after each commit that it can see.
        """
        if self._inline is None:
            from packhorse.runtime.inline import InlineWorker

            self._inline = InlineWorker(self.runner(lambda ack, each: None))
        ran = self._inline.run_pending()
        if self._watch is not None and find_current() is None:
            self._watch.ran()
        return ran

    def runner(self, deliver: Callable[[Ack, bool], None]) -> Runner:
        """How this application's jobs are run; `deliver` takes the acknowledgements."""
        from packhorse.runtime.hooks import Hooks
        from packhorse.runtime.run import Runner

        self.modules.load()
        self.adopt_all()
        runner = Runner(
            engine=self.engine,
            registry=self.registry,
            deliver=deliver,
            hooks=Hooks(self.middleware),
            sessions=session_on,
            files=self._find_files(),
        )
        if self._url.startswith(DJANGO):
            adjusted: Runner = integration("django.runner").adjusted(runner, self._url, self.middleware)
            return adjusted
        return runner

    def worker(self, settings: WorkerSettings | None = None, *, incarnation: int | None = None) -> Worker:
        """A worker in this process, not started yet: `packhorse worker` runs some of them in processes of their own.

        Args:
            settings: slots, times and queues; by default as `packhorse worker` without flags.
            incarnation: its id, when a supervisor made it and renews its heartbeat.
        """
        from packhorse.runtime.settings import WorkerSettings
        from packhorse.runtime.worker import Worker

        runner = self.runner(lambda ack, each: None)
        return Worker(
            runner,
            settings or WorkerSettings(),
            self.notifier(),
            incarnation,
            self.book,
            declarations=self,
            sides=self._sides,
        )

    @property
    def files(self) -> FileStore:
        """The application's files, as they are committed; handlers write them through `ctx.files`.

        Raises:
            ConfigurationError: the application has no folder for files.
        """
        if (store := self._find_files()) is None:
            raise ConfigurationError(NO_FILES)
        return store

    def notifier(self) -> Notifier:
        """What wakes this application's workers up."""
        return open_notifier(self.engine)

    def remarks(self) -> Sequence[str]:
        """What an operator should know about the database's own library, a sentence each; usually nothing."""
        if self.engine.dialect != "sqlite":
            return ()
        from packhorse.engines.sqlite.wal import remark

        return tuple(filter(None, [remark()]))

    def close(self) -> None:
        """Close every connection of this process; the next use opens new ones. Inline, it runs first what is due."""
        if self._watch is not None:
            self._watch.close()
        engine = self._engines.pop(os.getpid(), None)
        self._inline = None
        if engine is not None:
            engine.close()

    @contextmanager
    def moved_to(self, settings: Settings, engine: Engine) -> Iterator[None]:
        """Have the jobs elsewhere until the block ends, where none runs unasked; for the testing kit only."""
        before = self.settings, self._engines, self._watch, self._inline
        self.settings, self._engines, self._watch, self._inline = settings, {os.getpid(): engine}, None, None
        try:
            yield
        finally:
            self.settings, self._engines, self._watch, self._inline = before

    def _register(self, function: Callable[..., Any], options: Mapping[str, Any]) -> Task[..., Any]:
        task: Task[..., Any] = Task(function, task_options(function, **options), self)
        self.registry.register(task)
        return task

    def _find_files(self) -> FileStore | None:
        folder = self.settings.files
        return FileStore(Path(folder).expanduser().absolute(), lambda: self.engine) if folder else None

    @property
    def _url(self) -> str:
        return self.settings.database_url or ""

    def _commit_watch(self) -> CommitWatch | None:
        mode = self.settings.worker
        if mode == "immediate" and not self._url.startswith(DJANGO):
            raise ConfigurationError(
                "worker='immediate' runs jobs inside Django's open transaction: it needs django://"
            )
        if mode == "processes":
            return None
        return CommitWatch(self.run_pending, self._run_committed, self._blocks, at_once=mode == "immediate")

    def _run_committed(self) -> int:
        """Run what is due after a commit; in Django's TestCase, where nothing is ever committed, as if after it."""
        if self._url.startswith(DJANGO) and (inside := integration("django.inside")).is_open(self._url):
            with inside.opened(self._url, self.settings.schema) as engine, self._looking_through(engine):
                ran: int = inside.run_inside(self.runner(lambda ack, each: None))
            return ran
        return self.run_pending()

    @contextmanager
    def _looking_through(self, engine: Engine) -> Iterator[None]:
        """Let handlers, too, see what only this engine sees."""
        before, self._engines = self._engines, {os.getpid(): engine}
        try:
            yield
        finally:
            self._engines = before

    def _loading(self, model: type) -> Loading:
        return loading(model)

    def _find_rows(self, thing: object) -> MappedRows | None:
        return find_rows(thing, self._url)

    def _find_home(self, model: type) -> Home | None:
        home: Home | None = find_home(model)
        return home

    def _ambient(self) -> object | None:
        if self._url.startswith(DJANGO):
            found: object | None = integration("django.connection").find_open(self._url)
            return found
        return None

    def _after_enqueue(self, connection: Connection | AsyncConnection | None) -> None:
        if self._watch is not None:
            self._watch.enqueued(connection)
        elif connection is None:
            self._announce()
        elif is_heard(self.engine.address):
            connection.on_commit(self._announce)

    def _announce(self) -> None:
        announce(self.engine.address)

    def _catch_up(self, connection: Connection | AsyncConnection | None = None) -> None:
        if self._watch is not None:
            self._watch.catch_up(connection)

    def _run_due(self) -> None:
        if self._watch is not None:
            self._watch.run_due()
