"""Whether this worker is to be woken when jobs come."""

from __future__ import annotations

import time

from packhorse.registry import Registry

BUSY_SECONDS = 1.0
"""A worker that has found work for this long at a stretch does not need to be woken."""


class Hints:
    """Asks producers to stop waking a worker that has been busy for a while, and to wake it again when it is not.

    Args:
        registry: where it is asked.
        worker: who.
    """

    def __init__(self, registry: Registry, worker: int) -> None:
        self._registry = registry
        self._worker = worker
        self._busy_since: float | None = None
        self.are_wanted: bool = False

    def tune(self, is_busy: bool) -> bool:
        """Note whether the worker has enough to do; whether hints were just asked for: what came before woke nobody."""
        now = time.monotonic()
        self._busy_since = (self._busy_since or now) if is_busy else None
        wanted = self._busy_since is None or now - self._busy_since < BUSY_SECONDS
        if wanted == self.are_wanted:
            return False
        self._registry.seek_hints(self._worker, wanted)
        self.are_wanted = wanted
        return wanted
