"""The contract of what jobs say of themselves while they run. The docstrings are normative.

It is kept apart from the jobs: writing it touches no row of a job, takes no lock that a claim, an acknowledgement or
a handler needs, and survives a handler's rollback because it goes over a connection of its own. What a job said is
deleted with the job; what came after that, or of a job that was not kept, is swept up later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from packhorse.domain.joblog import LogLine, NewLine, NewProgress, Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFilter:
    """Which lines of a job's log to list; None leaves a field open."""

    job_id: int
    attempt: int | None = None
    level: int | None = None
    """Only lines of this level or above it, as in `logging`."""
    after: tuple[int, int] | None = None
    """Only lines behind this one, given as its `(attempt, sequence)`: what was seen last."""
    limit: int = 1000


class JobLog(Protocol):
    """Lines and progress of jobs."""

    def write_log(self, lines: Sequence[NewLine], progress: Sequence[NewProgress], now_us: int) -> None:
        """Store lines of any jobs, and how far others have come, in one short transaction of its own.

        A line whose key is there replaces that one's message, so a batch may be sent again. Of the progress of a job
        the furthest stays: that of its latest attempt, and in that the greatest `done`. Texts must hold no NUL and no
        half of a surrogate pair.

        Args:
            lines: in any order, each key once.
            progress: each job once.
            now_us: what the lines' own clock says now, so that each is given the database's time of its writing.
        """
        ...

    def list_log(self, filter: LogFilter) -> list[LogLine]:
        """Lines of a job's log, in order of attempt and sequence."""
        ...

    def list_progress(self, ids: Sequence[int]) -> list[Progress]:
        """How far these jobs have come, in order of id; nothing for those that never said."""
        ...

    def list_logged_jobs(self, after_id: int, limit: int) -> list[int]:
        """Up to `limit` ids above `after_id` of jobs that said something, in order, whether they are there or not."""
        ...

    def delete_stray_logs(self, ids: Sequence[int]) -> int:
        """Delete all that those of these jobs said that are not there any more; how many lines."""
        ...
