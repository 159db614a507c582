"""The periodic service: declares the schedules of the code, and while its worker leads, fires what comes due."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

from packhorse.engine import Engine
from packhorse.keeper import Keeper, ScheduleBook
from packhorse.runtime.service import Service

LOOK, RARE_LOOK = 2.0, 10.0
"""The leader looks again after so many seconds, for schedules that others change; rarely while none is to come."""
WATCH = 1.0
"""It looks so often while a run has not ended."""
DECLARE = 30.0
"""Every worker compares so often what its code declares with what is stored."""


class Periodic(Service):
    """Runs in every worker; only the leader's fires. Two leaders at once do no harm.

    Args:
        engine: where the schedules are.
        book: what the code says of them.
        worker: this worker's incarnation.
        name: its name, for the record.
        is_leader: whether this worker leads just now.
        on_fired: called when a job was enqueued.
    """

    name: str = "periodic service"
    interval: float = 1.0

    def __init__(
        self,
        engine: Engine,
        book: ScheduleBook,
        *,
        worker: int,
        name: str,
        is_leader: Callable[[], bool],
        on_fired: Callable[[], None],
    ) -> None:
        super().__init__()
        self._engine = engine
        self._book = book
        self._worker = worker
        self._keeper = Keeper(engine, book, name)
        self._is_leader = is_leader
        self._on_fired = on_fired
        self._declare_at = 0.0
        self._told: dict[str, str] = {}

    def run_once(self) -> float | None:
        """Declare now and then; as the leader, fire what is due, and sleep until the next tick."""
        self._declare()
        if not self._is_leader():
            return None
        fired, peek = self._keeper.keep()
        if fired:
            self._on_fired()
            return 0.0
        if peek.next_at is None:
            return WATCH if peek.has_open_runs else RARE_LOOK
        wait = (peek.next_at - peek.seen_at) / timedelta(seconds=1)
        return min(wait, WATCH if peek.has_open_runs else LOOK)

    def _declare(self) -> None:
        if time.monotonic() < self._declare_at:
            return
        fingerprints = self._book.fingerprints()
        if fingerprints != self._told:
            self._engine.declare_schedules(self._worker, fingerprints)
            self._told = fingerprints
        self._keeper.declare()
        if self._is_leader():
            self._keeper.rest_undeclared()
        self._declare_at = time.monotonic() + DECLARE
