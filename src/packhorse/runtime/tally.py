"""What a worker process counts of itself."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class Tally:
    """Counts by name, from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    def add(self, name: str) -> None:
        """One more."""
        with self._lock:
            self._counts[name] += 1

    def counts(self) -> dict[str, int]:
        """All of them, as they are now."""
        with self._lock:
            return dict(self._counts)


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
