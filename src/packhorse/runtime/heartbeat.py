"""The heartbeat: says that workers are alive. A supervisor says it for its children: no handler can stall it."""

from __future__ import annotations

import collections
from collections.abc import Callable, Sequence
from datetime import timedelta

from packhorse.errors import DatabaseError
from packhorse.registry import Registry
from packhorse.runtime.service import Service


class Heartbeat(Service):
    """Renews the heartbeats of the workers that `alive` names."""

    name: str = "heartbeat"

    def __init__(
        self,
        registry: Registry,
        alive: Callable[[], Sequence[int]],
        *,
        beat: float,
        lease: float,
        on_given_up: Callable[[int], None] = lambda worker: None,
    ) -> None:
        super().__init__()
        self.interval = beat
        self._registry = registry
        self._alive = alive
        self._lease = lease
        self._on_given_up = on_given_up
        self._dead: collections.deque[int] = collections.deque()

    def bury(self, worker: int) -> None:
        """Have a worker declared dead at once, because its process was seen to end; returns without waiting."""
        self._dead.append(worker)
        self.wake()

    def bury_all(self) -> None:
        """Declare those dead that are still to be; a worker is forgotten only once the database has heard of it."""
        while self._dead:
            worker = self._dead.popleft()
            try:
                self._registry.expire_worker(worker)
            except DatabaseError:
                self._dead.append(worker)
                raise

    def run_once(self) -> float | None:
        """Renew all; tell which ones were given up meanwhile."""
        self.bury_all()
        alive = self._alive()
        if not alive:
            return None
        known = self._registry.beat(alive, timedelta(seconds=self._lease))
        for worker in alive:
            if worker not in known:
                self._on_given_up(worker)
        return None
