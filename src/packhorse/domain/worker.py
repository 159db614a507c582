"""A worker process, as it reports for work and as a reader sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class NewWorker:
    """A worker process that reports for work."""

    id: int
    """Its incarnation: random, 1 to 2⁶³-1, new at every start."""
    name: str
    """`host:pid`, for people."""
    queues: Sequence[str]
    """The queues that it serves; empty is all."""
    tasks: Sequence[str]
    """The names (and aliases) of the tasks that it knows."""
    lease: timedelta
    """How long it counts as alive after its last heartbeat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerRecord:
    """A worker as the database knows it."""

    id: int
    name: str
    queues: Sequence[str]
    started_at: datetime
    expires_at: datetime
    executing: int
    """How many jobs it holds."""
