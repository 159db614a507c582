"""What this worker holds by the database and does not: what a claim took whose answer was lost."""

from __future__ import annotations

import time
from collections.abc import Sequence

from packhorse.domain.job import ClaimedJob
from packhorse.registry import Registry
from packhorse.runtime.acker import Acker
from packhorse.runtime.executor import Executor

CALM_SECONDS, CALM_LEASES = 60.0, 4
"""So long after trouble, more than a statement may take, an idle worker looks only once in so many leases."""
MOST_LEASED = 10_000
"""Leased jobs looked at at once; more than a worker can hold."""


class Reconciler:
    """Looks at the leases of a worker once in a lease, rarely when it is calm, and after trouble.

    Args:
        registry: knows the leases.
        worker: whose.
        lease: how long one lasts, in seconds.
        executor: knows what the worker holds.
        acker: knows what it has run.
    """

    def __init__(self, registry: Registry, worker: int, lease: float, executor: Executor, acker: Acker) -> None:
        self.next_at: float = time.monotonic() + lease
        self._registry = registry
        self._worker = worker
        self._lease = lease
        self._executor = executor
        self._acker = acker
        self._calm_at = 0.0

    def expect_trouble(self) -> None:
        """The database did not answer: look as soon as it does, and more often for a while."""
        self.next_at = 0.0
        self._calm_at = time.monotonic() + CALM_SECONDS

    def list_unheld(self) -> Sequence[ClaimedJob]:
        """Where it is time to look: the jobs to be given back, as this worker has their leases and not them.

        An ack that is on its way meanwhile makes giving back harmless.
        """
        if time.monotonic() < self.next_at:
            return ()
        leased = self._registry.list_leased_jobs(self._worker, MOST_LEASED)
        is_calm = self._executor.is_idle() and self._acker.is_idle() and time.monotonic() >= self._calm_at
        self.next_at = time.monotonic() + self._lease * (CALM_LEASES if is_calm else 1)
        unheld = [job for job in leased if not self._executor.holds(job)]
        acked = self._acker.job_ids() if unheld else frozenset[int]()
        return [job for job in unheld if job.id not in acked]
