"""How many jobs and runs there were by hour, queue and task, and how long they took. Pure sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from operator import add, attrgetter
from typing import Any, Literal

Dimension = Literal["hour", "queue", "task"]
"""What figures are told apart by."""
DIMENSIONS: tuple[Dimension, ...] = ("hour", "queue", "task")
KEPT = timedelta(days=30)
"""For how long figures are kept."""
LAG = timedelta(seconds=10)
"""How long after its end a job is counted: by then whoever ended it has committed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Numbers of jobs and runs of an hour, a queue and a task; None where they are those of all together.

    A run succeeds, fails, or is skipped, which leaves its job in the queue. The runs of a job count in the hour
    in which the job has ended; those of a job that is still in the queue count with it.
    """

    hour: datetime | None = None
    """When the hour began."""
    queue: str | None = None
    task: str | None = None
    in_queue: int = 0
    """Jobs that have not ended: they wait, or run. Of no hour."""
    processed: int = 0
    """Jobs that succeeded."""
    failed: int = 0
    """Jobs that failed for good."""
    cancelled: int = 0
    """Jobs that were cancelled."""
    errors: int = 0
    """Runs that failed or whose worker died, whether they were tried again or not."""
    skipped: int = 0
    """Runs that were skipped."""
    timed: int = 0
    """Jobs that succeeded or failed after a run: those that `duration` is the sum of."""
    duration: timedelta = timedelta(0)
    """How long the last runs of those took, together."""

    @property
    def runs(self) -> int:
        """All runs but those that were cancelled."""
        return self.processed + self.errors + self.skipped

    @property
    def average(self) -> timedelta | None:
        """How long a run took on average; None where none was timed."""
        return self.duration / self.timed if self.timed else None


SUMMED = tuple(field.name for field in fields(Figures) if field.name not in DIMENSIONS)
_numbers = attrgetter(*SUMMED)
_NOTHING = _numbers(Figures())


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """What was counted, in its smallest parts; `by` adds them up."""

    figures: Sequence[Figures] = ()
    """For each hour, queue and task what has ended; and for each queue and task, without an hour, what has not."""
    is_exact: bool = True
    """Whether all jobs that have not ended were counted; else there are more than `in_queue` says."""

    def by(self, *names: Dimension) -> list[Figures]:
        """The figures of each hour, queue or task, or of each combination, in order; without names of all together.

        By hour there are no jobs that have not ended.
        """
        name_of = [attrgetter(name) for name in names]
        sums: dict[tuple[Any, ...], tuple[Any, ...]] = {}
        for one in self.figures:
            if one.hour is not None or "hour" not in names:
                key = tuple(of(one) for of in name_of)
                sums[key] = tuple(map(add, sums.get(key, _NOTHING), _numbers(one)))
        return [Figures(**dict(zip((*names, *SUMMED), (*key, *sums[key]), strict=True))) for key in sorted(sums)]

    def of(self, queue: str | None = None, task: str | None = None) -> Statistics:
        """Those of one queue, of one task, or of both."""
        kept = [one for one in self.figures if queue in (None, one.queue) and task in (None, one.task)]
        return replace(self, figures=kept)
