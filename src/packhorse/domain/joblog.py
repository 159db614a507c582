"""What a job says of its own run: lines of its log, and how far it has come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec


class NewLine(msgspec.Struct, frozen=True, gc=False):
    """A line of a job's log that is about to be stored. Its first three fields are its key."""

    job_id: int
    attempt: int
    sequence: int
    """Microseconds since 1970 when it was written, by the worker's clock; the lines of a run ascend."""
    level: int
    """As in `logging`: 20 is INFO."""
    logger: str
    message: str


class NewProgress(msgspec.Struct, frozen=True, gc=False):
    """How far a run has come, about to be stored."""

    job_id: int
    attempt: int
    done: float
    total: float | None
    note: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """A line of a job's log, as it is stored."""

    job_id: int
    attempt: int
    sequence: int
    """Its place among the lines of the attempt; they ascend, with gaps."""
    at: datetime
    """When it was written, by the database's clock."""
    level: int
    """As in `logging`: 20 is INFO."""
    logger: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a job's latest run that told so had come."""

    job_id: int
    attempt: int
    done: float
    total: float | None
    """What `done` will be at the end; None when nobody knows."""
    note: str | None
    at: datetime
    """When that was stored, by the database's clock."""

    @property
    def percent(self) -> float | None:
        """From 0 to 100; None without a total."""
        if self.total is None:
            return None
        return 100.0 if self.total <= self.done else 100.0 * self.done / self.total

    def time_left(self, started_at: datetime) -> timedelta | None:
        """How long the rest takes at the rate since the run's start; None when that can't be told."""
        if self.total is None or self.done <= 0:
            return None
        left = max(0.0, self.total - self.done) / self.done
        try:
            return (self.at - started_at) * left
        except OverflowError:
            return None
