"""Whether the database has been within reach for long enough to judge who is dead."""

from __future__ import annotations

import time
from collections.abc import Callable


class Contact:
    """Notes each time that the database answered, which is at least every `poll` seconds while all is well.

    Nobody is given up in the first lease after a long silence: the others had the same trouble to be heard of.
    """

    def __init__(self, lease: float, poll: float, clock: Callable[[], float] | None = None) -> None:
        self._lease = lease
        self._silence = max(lease / 2, 3 * poll)
        self._clock = clock or awake_time
        self._last = self._clock()
        self._settled_at = 0.0

    def made(self) -> None:
        """The database answered."""
        now = self._clock()
        if now - self._last > self._silence:
            self._settled_at = now + self._lease
        self._last = now

    def silence(self) -> float:
        """Seconds since the database last answered."""
        return self._clock() - self._last

    def is_settled(self) -> bool:
        """Whether silence of others means something."""
        now = self._clock()
        return now - self._last <= self._silence and now >= self._settled_at


def awake_time() -> float:
    """Seconds of a clock that nobody sets and that goes on while the machine sleeps, where the system has one."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime(clock)
