"""Running the jobs of an application in the test's own thread, by the same steps as in a worker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextlib import closing
from datetime import timedelta
from itertools import islice

from packhorse.app import Packhorse
from packhorse.domain.state import JobState
from packhorse.errors import ConfigurationError
from packhorse.keeper import Keeper
from packhorse.runtime.inline import InlineWorker
from packhorse.runtime.run import Run
from packhorse.runtime.settings import WorkerSettings
from packhorse.testing.clock import MovingClock
from packhorse.testing.seen import Drained, RunFailed, SeenRun, last_record

__tracebackhide__ = True  # pytest shows the line of the test, not ours

MOST_RUNS = 1000
"""After so many runs `drain` takes it that the jobs never end."""
LAST_RUNS = 5
"""How many of them it then shows."""
MOST_JOBS = 1_000_000
"""More than a test stores."""
NOW = timedelta(0)
NO_WORKER = 0
"""The id of none."""


class Runs:
    """Runs what is due, and looks at how it ended.

    Args:
        app: gives the application; asked again for every step, so that none is made when the kit has ended.
        clock: the clock of its database.
        queue: the only one to be served; None serves all.
        raising: whether a run that ended badly raises what was wrong.
        loop: where `async def` handlers run, which is then another thread's; by default each has a loop of its own.
    """

    def __init__(
        self,
        app: Callable[[], Packhorse],
        clock: MovingClock,
        queue: str | None,
        *,
        raising: bool,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self.queue: str | None = queue
        self._app = app
        self._clock = clock
        self._raising = raising
        self._loop = loop
        self._settings = WorkerSettings(queues={} if queue is None else {queue: None})

    def find_next(self) -> SeenRun | None:
        """Run the next job; None when none is due."""
        self._keeper().keep()
        runs = list(self._due(1))
        return runs[0] if runs else None

    def drain(self, with_scheduled: bool, limit: int) -> Drained:
        """Run jobs until nothing is due.

        Raises:
            AssertionError: after `limit` runs more is due.
            ConfigurationError: the limit is not above zero.
        """
        if limit < 1:
            raise ConfigurationError(f"limit must be 1 or more, not {limit}")
        runs: list[SeenRun] = []
        is_kept_back = False
        while True:
            runs += (found := list(self._due(limit - len(runs))))
            self._keeper().keep()
            wait = self._find_wait(is_kept_back=is_kept_back and not found)
            if wait is None or (wait > NOW and not with_scheduled):
                return Drained(runs)
            if len(runs) >= limit:
                raise AssertionError(_endless(runs))
            is_kept_back = wait <= NOW and not found
            if wait > NOW:
                self._clock.advance(wait)

    def _keeper(self) -> Keeper:
        """What the leader does with schedules in production."""
        return Keeper(self._app().engine, self._app().book, "the test")

    def _due(self, limit: int) -> Generator[SeenRun]:
        worker = InlineWorker(self._app().runner(lambda ack, each: None), self._settings, self._loop)
        with closing(worker.runs()) as runs:
            for run in islice(runs, limit):
                yield self._judged(run)

    def _judged(self, run: Run) -> SeenRun:
        record = self._app().find_job(run.job.id) or last_record(run)
        seen = SeenRun.of(run, record, self._app().registry)
        if self._raising and seen.is_bad:
            raise seen.error or RunFailed(str(seen))  # as it is: pytest.raises(match=…) would read a note, too
        return seen

    def _find_wait(self, is_kept_back: bool) -> timedelta | None:
        """How long until something is due, zero or less when it is; None when nothing is scheduled either.

        Args:
            is_kept_back: whether what is ready was not to be had: its queue's limit, rate or floor keeps it back.
        """
        glance = self._app().engine.glance(NO_WORKER)
        ready = any(self._settings.serves(queue) for queue in (*glance.ready_queues, *glance.suspect_queues))
        if ready and not is_kept_back:
            return NOW
        return glance.due_in if self.queue is None else self._find_wait_in(self.queue)

    def _find_wait_in(self, queue: str) -> timedelta | None:
        """The same for one queue that has nothing due: the clock is not moved on for the jobs of others."""
        jobs = self._app().list_jobs(state=JobState.SCHEDULED, queue=queue, limit=MOST_JOBS)
        times = [job.scheduled_at for job in jobs if job.scheduled_at is not None]
        return min(times) - self._clock.now if times else None


def _endless(runs: list[SeenRun]) -> str:
    last = "\n".join(f"  {run}" for run in runs[-LAST_RUNS:])
    return (
        f"drain ran {len(runs)} jobs, and more are due: does a job enqueue itself, or put itself off, for ever? "
        f"drain(limit=…) allows more. The last ones were\n{last}"
    )
