"""The contract of the workers that a database knows. The docstrings are normative.

A worker lives for as long as its heartbeat is renewed. One whose life has ended is found by the others, which give its
jobs back; one of those that live is the leader, and does what is to be done once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from packhorse.domain.job import ClaimedJob
from packhorse.domain.worker import NewWorker, WorkerRecord


class Registry(Protocol):
    """Workers, their liveness, and the leader."""

    def register_worker(self, worker: NewWorker) -> None:
        """Record a worker and the tasks that it knows."""
        ...

    def beat(self, workers: Sequence[int], lease: timedelta) -> set[int]:
        """Renew the heartbeat of these workers for `lease` from now; the ids of those still registered.

        Never waits for another writer: on an engine with one writer it must work while that one writes.
        """
        ...

    def deregister_worker(self, worker: int) -> None:
        """Forget a worker that holds no job any more; one that still does is left to the rescuer, as expired."""
        ...

    def seek_hints(self, worker: int, wanted: bool) -> None:
        """Say whether the worker is idle and wants to be woken; producers notify only while some worker does."""
        ...

    def expire_worker(self, worker: int) -> None:
        """Declare a worker dead at once, because its process was seen to end."""
        ...

    def list_lost_workers(self) -> list[WorkerRecord]:
        """Workers that must be given up: their heartbeat has expired, or their process is known to be gone.

        A lease holder whose row is gone is among them, with the name `unknown`.
        """
        ...

    def list_leased_jobs(self, worker: int, limit: int) -> list[ClaimedJob]:
        """Up to `limit` jobs executing under a lease of this worker, in order of id."""
        ...

    def list_known_tasks(self) -> frozenset[str]:
        """The tasks that some live worker knows."""
        ...

    def acquire_leadership(self, worker: int, lease: timedelta) -> bool:
        """Become, or stay, the one leader for `lease` from now; False while another worker is."""
        ...

    def release_leadership(self, worker: int) -> None:
        """Give the leadership up, if this worker has it."""
        ...
