"""The sweeper: the leader's service that deletes what belongs to jobs which are not there any more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from packhorse.engine import Engine
from packhorse.runtime.service import Service

LOOKED_AT = 20_000
"""Jobs that are looked at together."""
CHUNK = 1000
"""Jobs in one transaction."""
BUSY_SECONDS = 1.0
"""Until the next look where something was to be deleted."""
CALM_SECONDS = 60.0
"""The same where nothing was: an idle worker asks little, however many jobs have something beside them."""


class Kind(NamedTuple):
    """One kind of rows beside jobs."""

    list: Callable[[int, int], Sequence[int]]
    """Up to so many jobs behind one that have such rows, whether they are there or not."""
    delete: Callable[[Sequence[int]], int]
    """Deletes the rows of those that are not."""


class Sweeper(Service):
    """Looks once an hour through what stands beside jobs, while this worker leads.

    It is deleted with its job. What is left is of jobs that are not kept at all, and lines that came too late.

    Args:
        engine: gives the database.
        is_leader: whether this worker is the leader now. Two that sweep at once do no harm.
    """

    name: str = "sweeper"
    interval: float = 3600.0

    def __init__(self, engine: Engine, is_leader: Callable[[], bool]) -> None:
        super().__init__()
        self._engine = engine
        self._kinds = (
            Kind(engine.list_logged_jobs, engine.delete_stray_logs),
            Kind(engine.list_package_ids, engine.delete_stray_packages),
        )
        self._is_leader = is_leader
        self._at = 0
        self._after = 0

    def run_once(self) -> float | None:
        """Look at the next jobs that have something beside them, one kind after the other."""
        if not self._is_leader():
            self._at = self._after = 0
            return None
        kind = self._kinds[self._at]
        ids = kind.list(self._after, LOOKED_AT)
        missing = self._engine.list_missing_jobs(ids) if ids else []
        for start in range(0, len(missing), CHUNK):
            kind.delete(missing[start : start + CHUNK])
        self._after = ids[-1] if len(ids) == LOOKED_AT else 0
        if not self._after:
            self._at = (self._at + 1) % len(self._kinds)
        if not (self._after or self._at):
            return None
        return BUSY_SECONDS if missing else CALM_SECONDS
