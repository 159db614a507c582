"""Suspects: jobs whose worker died while it held them. Each runs alone, so that no neighbour is blamed the next time.

Nothing new is claimed while the others end, up to `DRAIN_SECONDS`. Where a neighbour takes longer, suspects run beside
it for a while, one at a time and without waiting again; ordinary work goes on then. Two suspects never run together.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import Enum, auto

from packhorse.domain.explanation import ALONE
from packhorse.domain.job import ClaimedJob
from packhorse.runtime.acker import Acker
from packhorse.runtime.executor import Executor

DRAIN_SECONDS = 5.0
"""How long a suspect waits for its neighbours to end before it is claimed beside them."""
CROWDED_SECONDS = 30.0
"""For how long suspects are then claimed without waiting, before the neighbours are waited for again."""


class Turn(Enum):
    """Whose turn it is to be claimed."""

    OTHERS = auto()
    SUSPECT = auto()
    NOBODY = auto()


class Suspects:
    """Knows which queues have suspects, and when the next one may be claimed."""

    def __init__(self, executor: Executor, acker: Acker, clock: Callable[[], float] = time.monotonic) -> None:
        self.queues: list[str] = []
        self._executor = executor
        self._acker = acker
        self._clock = clock
        self._running: ClaimedJob | None = None
        self._since = self._crowded_until = 0.0
        self._draining_since: float | None = None

    def turn(self) -> Turn:
        """Whose turn it is now."""
        if self._is_running():
            is_long = self._clock() - self._since > ALONE.total_seconds()
            return Turn.OTHERS if is_long or self._is_crowded() else Turn.NOBODY
        if not self.queues:
            return Turn.OTHERS
        if self._is_calm() or self._is_crowded():
            self._draining_since = None
            return Turn.SUSPECT
        return self._drained()

    def started(self, job: ClaimedJob) -> None:
        """A suspect was claimed."""
        self._running, self._since = job, self._clock()

    def _drained(self) -> Turn:
        self._draining_since = self._draining_since or self._clock()
        if self._clock() - self._draining_since < DRAIN_SECONDS:
            return Turn.NOBODY
        self._draining_since = None
        self._crowded_until = self._clock() + CROWDED_SECONDS
        return Turn.SUSPECT

    def _is_running(self) -> bool:
        """Whether the one that was claimed has not ended, its acknowledgement included."""
        if self._running is not None and not self._executor.holds(self._running) and self._acker.is_idle():
            self._running = None
        return self._running is not None

    def _is_calm(self) -> bool:
        return self._executor.is_idle() and self._acker.is_idle()

    def _is_crowded(self) -> bool:
        return self._clock() < self._crowded_until
