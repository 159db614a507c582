"""Looks: when a worker looks what there is to do, and when it may guess that instead."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

from packhorse.runtime.marks import COSTLY_LOOK, Toll

SHORTEST_WAIT = 0.01
USUAL_LOOK_SECONDS = 0.05
"""A look that takes longer, because dead rows lie in its way, is repeated less often than usual."""
FRESH_SECONDS = 0.05
"""For how long after a look others may be spared by guesses: as long as more urgent jobs may wait to be looked for."""


class Looks:
    """When the next look is due, and where jobs are claimed without one.

    When a hint comes, a job has most likely come where the last ones did. So a claim is made there first, again and
    again while that brings jobs. Whatever else there is to do shows in a look alone: one follows at once when the guess
    was wrong, and soon when it was right.

    Args:
        poll: seconds between two looks, at most.
        clock: seconds, of no particular start.
    """

    def __init__(self, poll: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._poll = poll
        self._clock = clock
        self._next_at = self._fresh_until = 0.0
        self._due_at: float | None = None
        self._toll, self._fresh_toll = Toll(COSTLY_LOOK), Toll()
        self._last_queue: str | None = None
        self._is_guess_open = False

    @property
    def next_at(self) -> float:
        """When the next one is due, by the clock."""
        if self._is_guess_open:
            return 0.0
        return self._next_at if self._due_at is None else min(self._next_at, self._due_at)

    def is_due(self) -> bool:
        """Whether it is time to look."""
        return self._clock() >= self.next_at

    def is_job_due(self) -> bool:
        """Whether the last one showed that a scheduled job is due, or will be in a moment."""
        return self._due_at is not None and self._due_at <= self._clock() + SHORTEST_WAIT

    def want(self) -> None:
        """Look as soon as possible."""
        self._next_at = 0.0

    def want_soon(self) -> bool:
        """Look when the last look is not fresh any more; whether it still is."""
        self._next_at = min(self._next_at, self._fresh_until)
        return not self.is_due()

    def ended(self, seconds: float) -> None:
        """A look has been made, and took so long."""
        now = self._clock()
        self._next_at = now + max(self._poll, self._toll.pause(seconds - USUAL_LOOK_SECONDS))
        self._fresh_until = now + max(FRESH_SECONDS, self._fresh_toll.pause(seconds))
        self._is_guess_open = False

    def expect(self, due_in: timedelta | None) -> None:
        """The next scheduled job is due after this time; None when there is none."""
        self._due_at = None if due_in is None else self._clock() + max(SHORTEST_WAIT, due_in.total_seconds())

    def brought(self, queue: str) -> None:
        """Jobs of a queue have been claimed."""
        self._last_queue, self._is_guess_open = queue, False

    def guess(self) -> str | None:
        """The queue to be claimed from without a look; None when one is due, or the last guess brought nothing."""
        if self._last_queue is None or self.is_due():
            return None
        queue, self._last_queue = self._last_queue, None
        self.want_soon()
        self._is_guess_open = True
        return queue
