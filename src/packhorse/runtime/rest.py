"""When a command ends by itself: so many jobs have been run, there is nothing to do, or there was nothing for long."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from packhorse.runtime.endings import EXIT_ENOUGH, EXIT_OK
from packhorse.runtime.link import Report, Wish
from packhorse.runtime.place import ChildProcess
from packhorse.runtime.settings import CrewSettings

log: logging.Logger = logging.getLogger("packhorse.supervisor")

RECENT_SECONDS = 10.0
"""A process whose database was silent for longer has not been idle: it could not look."""


class Quota:
    """The permits for `--max-jobs`: each job that a process takes uses one up.

    What a process held when it died is used up, for its jobs may have run. So never more jobs are run than there are
    permits, whatever happens.
    """

    def __init__(self, jobs: int) -> None:
        self._left = jobs

    def answer(self, process: ChildProcess, wish: Wish) -> None:
        """Give permits as far as there are any, or take them back."""
        given = min(wish.permits, self._left)
        self._left -= given
        process.permits += given
        if wish.permits > 0:
            process.order("permit", given)

    def is_used_up(self, processes: Sequence[ChildProcess]) -> bool:
        """Whether every permit is used and every job that it was used for has ended."""
        return self._left <= 0 and all(_done(process) >= process.permits for process in processes)


class Rest:
    """Whether no process has anything to do, and none can get anything from another.

    One round of answers would not do: a job may pass from one process to another in between. So everybody must have
    answered twice more after the first time that all had nothing, with nothing taken meanwhile.
    """

    def __init__(self) -> None:
        self._done: dict[int, int] = {}
        self._reports: dict[int, int] = {}

    def has_come(self, reports: Sequence[tuple[ChildProcess, Report]]) -> bool:
        """Look once more, at every process's last report."""
        if not reports or not all(report.is_drained and report.is_registered for _, report in reports):
            self._done = {}
            return False
        done = {process.incarnation: report.done for process, report in reports}
        if done != self._done:
            self._done = done
            self._reports = {process.incarnation: process.reports for process, _ in reports}
        return all(process.reports >= self._reports[process.incarnation] + 2 for process, _ in reports)


class End:
    """Decides whether a command is over, by its settings."""

    def __init__(self, settings: CrewSettings) -> None:
        self._settings = settings
        self._quota = None if settings.max_jobs is None else Quota(settings.max_jobs)
        self._rest = Rest()

    def answer(self, process: ChildProcess, wish: Wish) -> None:
        """A process wishes for permits."""
        if self._quota is not None:
            self._quota.answer(process, wish)

    def find(self, processes: Sequence[ChildProcess]) -> int | None:
        """The exit status when it is over, else None."""
        reports = [(process, process.report) for process in processes if process.report is not None]
        if self._quota is not None and self._quota.is_used_up(processes):
            log.info("stopping: %d jobs were run, as --max-jobs says", self._settings.max_jobs)
            return EXIT_ENOUGH
        if len(reports) < len(processes):
            return None
        if self._settings.drain and self._rest.has_come(reports):
            log.info("stopping: nothing is available or due, as --drain waits for")
            return EXIT_OK
        if self._settings.idle_timeout is not None and _idle(reports) >= self._settings.idle_timeout:
            log.info("stopping: no job came for %g s, as --idle-timeout says", self._settings.idle_timeout)
            return EXIT_OK
        return None


def _done(process: ChildProcess) -> int:
    return process.report.done if process.report else 0


def _idle(reports: Sequence[tuple[ChildProcess, Report]]) -> float:
    """For how many seconds nobody has held a job, though everybody could have had one."""
    return min(
        (report.idle if report.silence + process.silence < RECENT_SECONDS else 0.0 for process, report in reports),
        default=0.0,
    )
