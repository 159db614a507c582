"""Permits to claim, where several workers together may run only so many jobs."""

from __future__ import annotations

import queue
from collections.abc import Callable

Permits = Callable[[int], int]
"""Given how many jobs one would like to claim: how many one may. Called before each claim, and now and then with 0."""


def unlimited(wanted: int) -> int:
    """As many as wanted."""
    return wanted


class Rationed:
    """Permits that somebody else gives out, one for each job; for the one thread that claims.

    Args:
        taken: how many jobs have been taken so far and not handed back; each has used up a permit.
        wish: asks for so many permits, or gives so many back when it is negative; the answer comes to `granted`.
    """

    def __init__(self, taken: Callable[[], int], wish: Callable[[int], None]) -> None:
        self._taken = taken
        self._wish = wish
        self._answers: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._given = 0

    def granted(self, permits: int) -> None:
        """The answer to a wish; from any thread."""
        self._answers.put(permits)

    def __call__(self, wanted: int) -> int:
        """How many of the wanted jobs may be claimed now; what earlier claims left over is used, or goes back."""
        missing = wanted - self._spare()
        if missing > 0:
            self._wish(missing)
            self._given += self._answers.get()
        elif missing < 0:
            self._wish(missing)
            self._given += missing
        return min(wanted, self._spare())

    def _spare(self) -> int:
        return self._given - self._taken()
