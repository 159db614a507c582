"""The contract of a notifier: wake-up hints between producers and workers. Losing one costs time, never a job."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Notifier(Protocol):
    """Calls a worker when there may be something to do."""

    def listen(self, wake: Callable[[], None]) -> None:
        """Begin to call `wake`, from any thread, whenever jobs may have come. It must return at once.

        Where hints can be missed, as before a connection stands or after it broke, it is called once when they arrive.
        """
        ...
        ...

    def close(self) -> None:
        """Stop calling. Returns when no call is under way any more."""
        ...
