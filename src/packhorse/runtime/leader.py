"""The leader: one worker of all that does what must be done once. Its death delays nothing that is due.

Leadership is a lease in the database: whoever finds it expired takes it, and its holder renews it at a third of its
length. What leaders do must be harmless when two do it, because a leader that was stopped may wake up and go on
until its next renewal fails.
"""

from __future__ import annotations

import time
from datetime import timedelta

from packhorse.engine import Engine
from packhorse.runtime.service import Service

LEASE = timedelta(seconds=15)
KEYS_AT_ONCE = 2000
FORGET_SECONDS = 60.0
"""After how long the next keys are looked at, whether some job still has them."""


class Leader(Service):
    """Seeks the leadership; while it has it, looks after the engine."""

    name: str = "leader"
    interval: float = LEASE.total_seconds() / 3

    def __init__(self, engine: Engine, worker: int) -> None:
        super().__init__()
        self._engine = engine
        self._worker = worker
        self._forget_at = time.monotonic() + FORGET_SECONDS
        self.is_leader: bool = False

    def run_once(self) -> float | None:
        """Renew or seek the leadership, then do the leader's duty."""
        self.is_leader = self._engine.acquire_leadership(self._worker, LEASE)
        if self.is_leader:
            self._engine.upkeep()
            self._forget_turns()
        return None

    def _forget_turns(self) -> None:
        """Look through some of the keys that jobs had."""
        if time.monotonic() >= self._forget_at:
            self._engine.forget_turns(KEYS_AT_ONCE)
            self._forget_at = time.monotonic() + FORGET_SECONDS

    def resign(self) -> None:
        """Give the leadership up, so that another worker has it at once."""
        if self.is_leader:
            self._engine.release_leadership(self._worker)
            self.is_leader = False
