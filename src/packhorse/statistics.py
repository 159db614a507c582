"""The part of an engine's contract by which what has ended is added up by hour. The docstrings are normative."""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol

from packhorse.domain.statistics import Statistics


class StatisticsStore(Protocol):
    """Figures by hour, queue and task.

    Nobody writes them while jobs end. The leader adds up what has ended since the last time, from the finished jobs
    themselves, and so what is not kept, or was deleted or brought back before, is not counted.
    """

    def add_up_ended(self, limit: int) -> int:
        """Add up what has ended and is not counted yet, of each queue and state about `limit` jobs; how many in all.

        Each queue and state is a short transaction that moves a mark along with the figures: two that count at once,
        or one that dies, count nothing twice. What has ended within the last `LAG` is left to the next time. Figures
        older than `KEPT` are deleted.
        """
        ...

    def get_statistics(self, last: timedelta) -> Statistics:
        """The figures of the hours that began within that time, and of what has not ended. Takes no lock.

        Of the jobs that have not ended up to 25,000 are counted. The cost does not grow with the number of jobs.
        """
        ...
