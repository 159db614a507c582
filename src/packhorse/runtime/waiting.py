"""The jobs of a lane that have not started."""

from __future__ import annotations

import time
from collections import deque

from packhorse.domain.job import ClaimedJob


class Waiting:
    """The jobs of a lane that have not started, in order.

    Any thread may take one without a lock: at full speed that is done for each job, by all threads at once.
    """

    def __init__(self) -> None:
        self._jobs: deque[tuple[float, ClaimedJob]] = deque()

    def __len__(self) -> int:
        return len(self._jobs)

    def put(self, jobs: list[ClaimedJob]) -> None:
        """Add these at the end."""
        now = time.monotonic()
        self._jobs.extend([(now, job) for job in jobs])

    def take(self) -> ClaimedJob | None:
        """The first one, which does not wait any more; None when there is none."""
        try:
            return self._jobs.popleft()[1]
        except IndexError:
            return None

    def withdraw(self, waited: float) -> list[ClaimedJob]:
        """Take out those that have waited for `waited` seconds or more."""
        limit, taken = time.monotonic() - waited, list[ClaimedJob]()
        while self._is_older(limit) and (job := self.take()) is not None:
            taken.append(job)
        return taken

    def _is_older(self, limit: float) -> bool:
        try:
            return self._jobs[0][0] <= limit
        except IndexError:
            return False
