"""Renewal: one worker process takes over from another, so that there is always one that takes jobs.

The new process is started first. When it has registered, the old one retires: it claims nothing more, hands back what
has not started, and ends when its running jobs have ended. If the new one can't start, the old one goes on.
"""

from __future__ import annotations

import logging
import signal
import time
from collections import deque
from collections.abc import Callable

from packhorse.runtime.crew import Crew
from packhorse.runtime.endings import ending
from packhorse.runtime.link import Report
from packhorse.runtime.place import ChildProcess, Place
from packhorse.runtime.settings import CrewSettings

log: logging.Logger = logging.getLogger("packhorse.supervisor")

MEBIBYTE = 1 << 20
START_SECONDS = 120.0
"""How long a process may take to import the application and to register."""
RETRY_SECONDS = 30.0
"""After a process that was too large could not be replaced, it is tried again."""


class Renewal:
    """Replaces processes: all of them when the code has changed, one that has grown too large or has run enough jobs.

    Args:
        crew: the processes.
        address: the database that they work on; one that works on another can't be told to be alive.
        limits: how many bytes a process may occupy, and how many jobs it may run.
        done: called when all have been replaced, or none could be.
    """

    def __init__(self, crew: Crew, address: str, limits: CrewSettings, done: Callable[[], None]) -> None:
        self._crew = crew
        self._address = address
        self._max_memory = limits.max_memory
        self._max_jobs = limits.max_jobs_per_process
        self._done = done
        self._waiting: deque[Place] = deque()
        self._is_renewing_all = False
        self._retry_at = 0.0
        self._told: set[int] = set()

    def renew_all(self) -> None:
        """Replace every process, one place after the other."""
        self._waiting = deque(self._crew.places)
        self._is_renewing_all = True

    def go_on(self) -> None:
        """Make the next step, if it can be made; called again and again."""
        for place in self._crew.places:
            if place.successor is not None:
                self._check(place, place.successor)
        if any(place.successor is not None for place in self._crew.places):
            return
        if self._waiting:
            self._replace(self._waiting.popleft())
        elif self._is_renewing_all:
            self._is_renewing_all = False
            log.info("reloaded: the worker processes run the application as it is now")
            self._done()
        elif time.monotonic() >= self._retry_at and (worn := self._find_worn()) is not None:
            self._replace(worn)

    def failed(self, place: Place, successor: ChildProcess, code: int) -> None:
        """A process that was to take over has ended before it could."""
        self._give_up(f"the new worker process {successor.pid} {ending(code)}")

    def _give_up(self, why: str) -> None:
        log.error("%s; the worker processes from before go on", why)
        self._waiting.clear()
        self._retry_at = time.monotonic() + RETRY_SECONDS
        if self._is_renewing_all:
            self._is_renewing_all = False
            self._done()

    def _replace(self, place: Place) -> None:
        if place.current is not None:
            self._crew.start_successor(place)

    def _check(self, place: Place, successor: ChildProcess) -> None:
        """Let a successor take over that is ready to; end one that never will be."""
        report = successor.report
        if report is None or not report.is_registered:
            if time.monotonic() - successor.started_at > START_SECONDS:
                successor.send(signal.SIGKILL)
        elif report.address != self._address:
            log.error("the application now names the database %s: start the worker anew", report.address)
            successor.send(signal.SIGKILL)
        elif (former := place.take_over()) is not None:
            former.order("retire")

    def _find_worn(self) -> Place | None:
        """The place of a process that is beyond a limit; the log says beyond which."""
        for place in self._crew.places:
            current = place.current
            if current is None or current.report is None or place.retiring:
                continue
            if self._is_too_large(current, current.report) or self._has_run_enough(current, current.report):
                return place
        return None

    def _has_run_enough(self, process: ChildProcess, report: Report) -> bool:
        if self._max_jobs is None or report.done < self._max_jobs:
            return False
        log.info(
            "worker process %d has run %d jobs, with --max-jobs-per-process %d; it is replaced, and ends after its %d "
            "running ones",
            *(process.pid, report.done, self._max_jobs, report.running),
        )
        return True

    def _is_too_large(self, process: ChildProcess, report: Report) -> bool:
        if self._max_memory is None or report.memory <= self._max_memory:
            return False
        size, limit = report.memory / MEBIBYTE, self._max_memory / MEBIBYTE
        if report.done == 0:
            self._tell_once(process, size, limit)
            return False
        log.warning(
            "worker process %d occupies %.0f MiB, more than the %.0f MiB of --max-memory, after %d jobs; it is "
            "replaced, and ends after its %d running ones",
            *(process.pid, size, limit, report.done, report.running),
        )
        return True

    def _tell_once(self, process: ChildProcess, size: float, limit: float) -> None:
        if process.pid not in self._told:
            self._told.add(process.pid)
            log.error(
                "worker process %d occupies %.0f MiB before it has run any job: --max-memory %.0f MiB is too small",
                *(process.pid, size, limit),
            )
