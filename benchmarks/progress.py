"""How far a run has come, on standard error, with the time that is left."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import TextIO

GUESS_SECONDS = 15.0
"""What a case takes as long as none of its kind has been measured."""

MINUTE = 60


class Progress:
    """Counts measurements down.

    Args:
        plan: all measurements to come, by a name that is the same in every round.
        stream: where it is said.
    """

    def __init__(self, plan: Sequence[str], stream: TextIO = sys.stderr) -> None:
        self._left = list(plan)
        self._total = len(plan)
        self._seconds: dict[str, float] = {}
        self._stream = stream
        self._started = time.monotonic()

    def begin(self, name: str) -> None:
        """Say what is measured now."""
        done = self._total - len(self._left)
        self._say(f"[{done + 1}/{self._total}, {spoken(self.seconds_left())} left] {name} … ", end="")
        self._started = time.monotonic()

    def end(self, name: str, result: str) -> None:
        """Say what came out; `name` is done once more."""
        self._seconds[name] = time.monotonic() - self._started
        self._left.remove(name)
        self._say(f"{result} ({self._seconds[name]:.0f} s)")

    def tell(self, text: str) -> None:
        """Say something else."""
        self._say(text)

    def seconds_left(self) -> float:
        """An estimate from the last time of each measurement, or of all where there is none yet."""
        known = list(self._seconds.values())
        guess = sum(known) / len(known) if known else GUESS_SECONDS
        return sum(self._seconds.get(name, guess) for name in self._left)

    def _say(self, text: str, end: str = "\n") -> None:
        print(text, end=end, file=self._stream, flush=True)


def spoken(seconds: float) -> str:
    """`40 s`, `3 min`."""
    return f"{seconds:.0f} s" if seconds < 2 * MINUTE else f"{seconds / MINUTE:.0f} min"
