"""The sweeper: the leader's service that deletes what belongs to jobs which are not there any more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from packhorse.joblog import JobLog
from packhorse.packages import Packages
from packhorse.runtime.service import Service

CHUNK = 1000
"""Jobs in one transaction."""
REST_SECONDS = 1.0
"""Between two chunks."""


class Kind(NamedTuple):
    """One kind of rows beside jobs."""

    list: Callable[[int, int], Sequence[int]]
    """Up to so many jobs behind one that have such rows, whether they are there or not."""
    delete: Callable[[Sequence[int]], int]
    """Deletes the rows of those that are not."""


class Sweeper(Service):
    """Looks once an hour through what stands beside jobs, while this worker leads.

    It is deleted with its job. What is left is of jobs that are not kept at all, and lines that came too late.

    Args:
        logs: what jobs said.
        packages: what makes packages of jobs.
        is_leader: whether this worker is the leader now. Two that sweep at once do no harm.
    """

    name: str = "sweeper"
    interval: float = 3600.0

    def __init__(self, logs: JobLog, packages: Packages, is_leader: Callable[[], bool]) -> None:
        super().__init__()
        self._kinds = (
            Kind(logs.list_logged_jobs, logs.delete_stray_logs),
            Kind(packages.list_package_ids, packages.delete_stray_packages),
        )
        self._is_leader = is_leader
        self._at = 0
        self._after = 0

    def run_once(self) -> float | None:
        """Look at the next jobs that have something beside them, one kind after the other."""
        if not self._is_leader():
            self._at = self._after = 0
            return None
        kind = self._kinds[self._at]
        ids = kind.list(self._after, CHUNK)
        if ids:
            kind.delete(ids)
        self._after = ids[-1] if len(ids) == CHUNK else 0
        if not self._after:
            self._at = (self._at + 1) % len(self._kinds)
        return REST_SECONDS if self._after or self._at else None
