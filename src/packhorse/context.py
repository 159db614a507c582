"""What a running handler can ask: its job, its transaction, its log."""

from __future__ import annotations

import json
import logging
import threading
from contextvars import ContextVar
from functools import cached_property
from typing import Any, Protocol

from packhorse.domain.acting import Acting, RolesOf, acting_in, completed
from packhorse.domain.batch import Occasion, occasion_in
from packhorse.domain.firstlock import FirstLock
from packhorse.domain.job import ClaimedJob
from packhorse.domain.outcome import Cancel, Verdict
from packhorse.errors import UsageError
from packhorse.journal import NOWHERE, JobLog, Journal, RunJournal, check_progress
from packhorse.runfiles import RunFiles
from packhorse.tasktransaction import AsyncTaskTransaction, TaskTransaction

_current: ContextVar[Context] = ContextVar("packhorse_context")
_opening = threading.Lock()


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
    begins_anew: bool = True
    """Whether its run can begin anew in place; that of a queue table's rows can't."""
    locked: frozenset[FirstLock] = frozenset()
    """The locks with which its transaction began; see `app.lock_first`."""

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
    def files(self) -> RunFiles:
        """The application's files on the local disk; what is written or deleted here is so when the run has committed.

        Only in a task with `atomic=True`, in a work package, a deferred call, or a queue processor.

        Raises:
            UsageError: the task is not atomic.
            ConfigurationError: the application has no folder for files.
        """
        if self._tx is None:
            raise UsageError(
                f"task {self.job.task} has no transaction that files could appear with: "
                "declare it with @app.task(atomic=True)"
            )
        return self._tx.files

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

    def reject(self, row: Any, reason: str | Verdict) -> None:
        """Leave one row of a list out, in a queue processor: it stays in its table, and the others are committed.

        Args:
            row: one of those that the processor was given.
            reason: why, for the record: it is tried again later, by itself, as after a failure. `Fail`, `Retry` and
                `Skip` say what is to follow.

        Raises:
            UsageError: it is none of the rows, or this is no run of rows.
        """
        raise UsageError(f"{self.job.task} works on no rows: ctx.reject(row, reason) is for queue processors")

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
