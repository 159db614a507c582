"""Settling whose turn it is, of jobs with keys and of jobs that wait for others."""

from __future__ import annotations

import time
from collections.abc import Callable

from packhorse.turns import Turns

FOLLOWER_LIMIT = 5000
FIRST_LIMIT = 5000
"""How many jobs that have come the first pass takes."""
LOWEST_LIMIT, HIGHEST_LIMIT = 500, 50_000
SHORT_SECONDS, LONG_SECONDS = 0.05, 0.15
"""A full pass that is shorter is followed by a larger one, and one that is longer by a smaller one."""


class Settler:
    """Settles in passes, during which acknowledgements of the same keys wait: between two of them others go on.

    What a pass costs is, for the most part, so much for each key that jobs have come to: passes over a few keys are
    large, and those over many are small. That is seen from how long they take.
    """

    def __init__(self, turns: Turns, clock: Callable[[], float] = time.monotonic) -> None:
        self._turns = turns
        self._clock = clock
        self._limit = FIRST_LIMIT

    def settle(self) -> int:
        """Make one pass: let those go on whose turn it is; of how many jobs something is settled."""
        released = self._turns.release_followers(FOLLOWER_LIMIT)
        began = self._clock()
        admitted = self._turns.admit_jobs(self._limit)
        if admitted.placed >= self._limit:
            self._limit = next_limit(self._limit, self._clock() - began)
        return released + admitted.placed + admitted.let_on


def next_limit(limit: int, seconds: float) -> int:
    """How many jobs a pass is to take after a full one of so many, which took so long."""
    if seconds < SHORT_SECONDS:
        return min(2 * limit, HIGHEST_LIMIT)
    return max(limit // 2, LOWEST_LIMIT) if seconds > LONG_SECONDS else limit
