"""The bookkeeper: the leader's service that adds up what has ended, by hour, queue and task."""

from __future__ import annotations

import time
from collections.abc import Callable

from packhorse.runtime.service import Service
from packhorse.statistics import StatisticsStore

CHUNK = 10_000
"""Jobs of a queue and state that are added up in one statement."""
REST = 4.0
"""How many times as long as a pass took the next one is put off while there is more to do."""
SHORTEST_REST = 0.02
"""Seconds between two passes at least."""
ASK_AGAIN = 5.0
"""Seconds after which a worker that is not the leader asks itself again; it asks the database nothing."""


class Bookkeeper(Service):
    """Looks once a minute what has ended, while this worker leads.

    Args:
        engine: the database.
        is_leader: whether this worker is the leader now. Two that count at once do no harm.
    """

    name: str = "bookkeeper"
    interval: float = 60.0

    def __init__(self, engine: StatisticsStore, is_leader: Callable[[], bool]) -> None:
        super().__init__()
        self._engine = engine
        self._is_leader = is_leader

    def run_once(self) -> float | None:
        """Add up the next jobs of each queue and state."""
        if not self._is_leader():
            return ASK_AGAIN
        began = time.monotonic()
        if self._engine.add_up_ended(CHUNK) < CHUNK:
            return None
        return max(SHORTEST_REST, REST * (time.monotonic() - began))
