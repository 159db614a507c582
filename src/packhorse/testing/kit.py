"""The testing kit: what a test does with the jobs of an application."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from packhorse.app import Packhorse
from packhorse.config import Settings
from packhorse.domain.state import INITIAL, JobState
from packhorse.errors import UsageError
from packhorse.task import Task
from packhorse.testing.clock import MovingClock, move_clock
from packhorse.testing.runs import MOST_JOBS, MOST_RUNS, Runs
from packhorse.testing.seen import Drained, SeenJob, SeenRun, listed
from packhorse.testing.wanted import Options, Wanted, name_of

__tracebackhide__ = True  # pytest shows the line of the test, not ours


class Kit:
    """The jobs of an application under test: they wait until the test runs them, by the same rules as a worker.

    It sees what is committed, as a worker does. `open_kit` makes it; when that block has ended it does nothing more.

    Args:
        app: the application, on a database of the test's own.
        settings: which lead there; the kit touches the application only while it has them.
    """

    def __init__(self, app: Packhorse, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self.clock: MovingClock = MovingClock(_ClockOf(self))
        """The clock of the database: what is scheduled becomes due when it has come to that time."""

    @property
    def app(self) -> Packhorse:
        """The application under test.

        Raises:
            UsageError: the block of `open_kit` has ended, so the application is back at its own database.
        """
        if self._app.settings is not self._settings:
            raise UsageError("this kit has ended, and its application is back at its own database: open another one")
        return self._app

    @property
    def url(self) -> str:
        """The address of the database."""
        return self.app.settings.database_url or ""

    @property
    def schema(self) -> str:
        """On PostgreSQL, the schema of this test."""
        return self.app.settings.schema

    def run_one(self, *, queue: str | None = None, raising: bool = True) -> SeenRun:
        """Run the next job that is due: in the queue's order, and of several queues from the first one by name.

        Args:
            queue: only from this queue.
            raising: whether a failure is raised here, after it was recorded; False only returns it.

        Raises:
            AssertionError: nothing is due; the message lists what there is.
            BaseException: what the handler raised, when the run failed or is to be repeated.
            UnknownTask: no such task is registered.
        """
        return self._run_one(self._runs(queue, raising))

    async def arun_one(self, *, queue: str | None = None, raising: bool = True) -> SeenRun:
        """Do what `run_one` does, for coroutines; an `async def` handler runs in this very loop."""
        return await asyncio.to_thread(self._run_one, self._runs(queue, raising, asyncio.get_running_loop()))

    def drain(
        self,
        *,
        queue: str | None = None,
        with_scheduled: bool = False,
        limit: int = MOST_RUNS,
        raising: bool = True,
    ) -> Drained:
        """Run jobs, also those that they enqueue, until nothing is due; what was run.

        Args:
            queue: only from this queue.
            with_scheduled: whether the clock is moved on to each job that is scheduled, also for its next attempt.
            limit: at most so many runs.
            raising: whether a failure is raised here, after it was recorded; False goes on.

        Raises:
            AssertionError: after `limit` runs more is due.
            BaseException: what the handler raised, when a run failed or is to be repeated.
            UnknownTask: no such task is registered.
        """
        return self._runs(queue, raising).drain(with_scheduled, limit)

    async def adrain(
        self,
        *,
        queue: str | None = None,
        with_scheduled: bool = False,
        limit: int = MOST_RUNS,
        raising: bool = True,
    ) -> Drained:
        """Do what `drain` does, for coroutines; `async def` handlers run in this very loop, the others in a thread."""
        runs = self._runs(queue, raising, asyncio.get_running_loop())
        return await asyncio.to_thread(runs.drain, with_scheduled, limit)

    def jobs(
        self,
        task: Task[..., Any] | str | None = None,
        *,
        state: JobState | str | None = None,
        queue: str | None = None,
    ) -> list[SeenJob]:
        """The jobs as they are now, finished ones too, in the order in which they were enqueued.

        Args:
            task: only those of this task, or of that name.
            state: only those in this state.
            queue: only those of this queue.

        Raises:
            ConfigurationError: there is no such state.
            UsageError: that is no task of the application.
        """
        name = None if task is None else name_of(task, self.app.registry)
        records = self.app.list_jobs(state=state, queue=queue, task=name, limit=MOST_JOBS)
        return [SeenJob.of(record, self.app.registry) for record in reversed(records)]

    def assert_enqueued(
        self,
        task: Task[..., Any] | str,
        /,
        *args: Any,
        queue: str | None = None,
        priority: int | str | None = None,
        delay: timedelta | None = None,
        scheduled_at: datetime | None = None,
        within: timedelta | None = None,
        count: int | None = None,
        **kwargs: Any,
    ) -> list[SeenJob]:
        """Assert that a job waits to be run; those that do.

        Args:
            task: the task, or its name.
            args: its positional arguments. With no arguments at all, any will do; else all are compared by `==`, as
                the handler gets them, so `unittest.mock.ANY` may stand for one.
            queue: the queue that it is in.
            priority: its priority, by number or name.
            delay: how long after its enqueue it is due.
            scheduled_at: when it is due.
            within: how far its time may be from that; a second.
            count: how many such jobs wait; at least one.
            kwargs: its arguments by keyword.

        Raises:
            AssertionError: there is none, or not so many; the message lists what there is.
            SignatureError: the task can't be called with these arguments.
            UsageError: an option has the name of one of the task's parameters, or that is no task of the application.
            ConfigurationError: an option can't be true of any job.
        """
        options = Options(
            queue=queue, priority=priority, delay=delay, scheduled_at=scheduled_at, within=within, count=count
        )
        return self._assert_enqueued(task, args, kwargs, options)

    def assert_not_enqueued(
        self,
        task: Task[..., Any] | str,
        /,
        *args: Any,
        queue: str | None = None,
        priority: int | str | None = None,
        delay: timedelta | None = None,
        scheduled_at: datetime | None = None,
        within: timedelta | None = None,
        **kwargs: Any,
    ) -> None:
        """Assert that no such job waits to be run; arguments and errors as for `assert_enqueued`."""
        options = Options(
            queue=queue, priority=priority, delay=delay, scheduled_at=scheduled_at, within=within, count=0
        )
        self._assert_enqueued(task, args, kwargs, options)

    def _assert_enqueued(
        self, task: Task[..., Any] | str, args: tuple[Any, ...], kwargs: dict[str, Any], options: Options
    ) -> list[SeenJob]:
        wanted = Wanted(task, args, kwargs, options, self.app.registry)
        jobs = self.jobs()
        found = [job for job in jobs if job.state in INITIAL and wanted.is_met_by(job)]
        if bool(found) if options.count is None else len(found) == options.count:
            return found
        raise AssertionError(f"{_counted(len(found), options.count)} for {wanted}; {_all(jobs)}")

    def _run_one(self, runs: Runs) -> SeenRun:
        run = runs.find_next()
        if run is None:
            where = f" in queue {runs.queue}" if runs.queue else ""
            raise AssertionError(f"no job is due{where}; {_all(self.jobs())}")
        return run

    def _runs(self, queue: str | None, raising: bool, loop: asyncio.AbstractEventLoop | None = None) -> Runs:
        return Runs(lambda: self.app, self.clock, queue, raising=raising, loop=loop)


class _ClockOf:
    """The clock of whatever engine the application has open: a test may close the application, which opens it anew."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit

    def move_clock(self, offset: timedelta) -> None:
        move_clock(self._kit.app.engine, offset)


def _all(jobs: Sequence[SeenJob]) -> str:
    if not jobs:
        return "there is none at all; what a transaction that is still open has enqueued is not seen"
    return f"there {'is' if len(jobs) == 1 else 'are'} {listed('job', jobs)}"


def _counted(found: int, count: int | None) -> str:
    """How many jobs wait, and how many should."""
    if count is None:
        return "no job waits"
    waiting = f"{found} {'job waits' if found == 1 else 'jobs wait'}"
    return f"{waiting}, not {count}" if count else waiting
