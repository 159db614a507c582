"""The canceller: tells running jobs that somebody has asked for their cancellation."""

from __future__ import annotations

from packhorse.cancellations import Cancellations
from packhorse.runtime.executor import Executor
from packhorse.runtime.service import Service

SETTLED_SECONDS = 0.5
"""A job that has run for less is not asked about: it ends before anybody could have changed their mind."""


class Canceller(Service):
    """Asks the database while some job has been running for a while; an idle worker, or a quick one, asks nothing.

    A handler in a thread or coroutine can only be told. A child process that does not end by itself is ended.
    """

    name: str = "canceller"
    interval: float = 0.5

    def __init__(self, cancellations: Cancellations, worker: int, executor: Executor, grace: float) -> None:
        super().__init__()
        self._cancellations = cancellations
        self._worker = worker
        self._executor = executor
        self._grace = grace

    def run_once(self) -> float | None:
        """Ask, tell those that run, and end children that have been told for too long."""
        if self._executor.has_run_for(SETTLED_SECONDS):
            self._executor.cancel(self._cancellations.list_cancelled_runs(self._worker))
            self._executor.end_cancelled(self._grace)
        return None
