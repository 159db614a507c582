"""The dials of a processor that is load-balanced, in one process."""

from __future__ import annotations

import time

from packhorse.domain.tuning import Bounds, Observation, Tuning, tune
from packhorse.queuetables.lanes import Totals
from packhorse.queuetables.processor import Dials

OBSERVED_SECONDS = 0.25
"""How often the dials are set while there are rows."""


class Balance:
    """What the runs come to, and the dials that follow; the rules are in `packhorse.domain.tuning`.

    Args:
        dials: to begin with.
        bounds: within which they stay.
    """

    def __init__(self, dials: Dials, bounds: Bounds | None = None) -> None:
        self._bounds = bounds or Bounds()
        self._tuning = Tuning(batch_size=dials.batch_size, parallelism=dials.parallelism)
        self._observed_at = time.monotonic()
        self._seen = Totals()
        self._seconds = 0.0

    @property
    def dials(self) -> Dials:
        """For the next run."""
        return Dials(batch_size=self._tuning.batch_size, parallelism=self._tuning.parallelism)

    def count(self, totals: Totals) -> None:
        """Note what a run came to."""
        self._seen.done += totals.done
        self._seen.failed += totals.failed
        self._seen.busy += totals.busy
        self._seconds += totals.seconds

    def is_time(self) -> bool:
        """Whether the dials are to be set."""
        return time.monotonic() - self._observed_at >= OBSERVED_SECONDS

    def tune(self, backlog: int) -> str:
        """Set the dials, where so many rows wait; why they were changed, nothing where they were not."""
        self._observed_at = time.monotonic()
        seen = Observation(
            at=self._observed_at,
            backlog=backlog,
            done=self._seen.done,
            failed=self._seen.failed,
            seconds=self._seconds,
            busy_seconds=self._seen.busy,
        )
        self._seen, self._seconds = Totals(), 0.0
        self._tuning = tune(self._tuning, seen, self._bounds)
        return self._tuning.reason
