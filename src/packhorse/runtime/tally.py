"""What a worker process counts of itself."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class Tally:
    """Counts by name, from any thread, without a lock: it does so for every run.

    `next` of an `itertools.count` is a single step. Reading takes one, too, so that readings are counted and taken off.
    """

    def __init__(self) -> None:
        self._counters: dict[str, itertools.count[int]] = {}
        self._readings: Counter[str] = Counter()
        self._reading = threading.Lock()

    def add(self, name: str) -> None:
        """One more."""
        next(self._counters.get(name) or self._counters.setdefault(name, itertools.count()))

    def counts(self) -> dict[str, int]:
        """All of them, as they are now."""
        with self._reading:
            return {name: self._read(name, counter) for name, counter in list(self._counters.items())}

    def _read(self, name: str, counter: itertools.count[int]) -> int:
        count = next(counter) - self._readings[name]
        self._readings[name] += 1
        return count


class Meter:
    """How often something was done, for how many things, and how long it took; one thread at a time.

    Attributes:
        times: how often.
        things: for how many, all together.
        seconds: for how long, all together; what failed is left out.
    """

    def __init__(self) -> None:
        self.times: int = 0
        self.things: int = 0
        self.seconds: float = 0.0

    @contextmanager
    def measured(self) -> Iterator[None]:
        """What happens inside is one time more, unless it raises."""
        begun = time.monotonic()
        yield
        self.times += 1
        self.seconds += time.monotonic() - begun
