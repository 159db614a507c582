"""The heartbeat: says that workers are alive. A supervisor says it for its children: no handler can stall it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from packhorse.engine import Registry
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

    def run_once(self) -> float | None:
        """Renew all; tell which ones were given up meanwhile."""
        alive = self._alive()
        if not alive:
            return None
        known = self._registry.beat(alive, timedelta(seconds=self._lease))
        for worker in alive:
            if worker not in known:
                self._on_given_up(worker)
        return None
