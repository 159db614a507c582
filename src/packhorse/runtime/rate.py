"""How fast jobs end, and so how many of them will be started soon."""

from __future__ import annotations

import time

BUFFER_SECONDS = 0.1
"""No more is claimed than will be started, at the observed rate, within this time."""


class Rate:
    """How many jobs end in a second, smoothed over about a quarter of one."""

    WINDOW = 0.05

    def __init__(self) -> None:
        self._since = time.monotonic()
        self._done = 0
        self._rate = 0.0

    def per_second(self, done: int) -> float:
        """The rate, given how many have ended so far."""
        elapsed = time.monotonic() - self._since
        if elapsed >= self.WINDOW:
            weight = min(1.0, elapsed / (5 * self.WINDOW))
            self._rate += weight * ((done - self._done) / elapsed - self._rate)
            self._since, self._done = time.monotonic(), done
        return self._rate

    def soon(self, done: int) -> int:
        """How many will end within `BUFFER_SECONDS`, given how many have ended so far."""
        return int(self.per_second(done) * BUFFER_SECONDS)
