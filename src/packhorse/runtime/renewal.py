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
from packhorse.runtime.place import ChildProcess, Place

log: logging.Logger = logging.getLogger("packhorse.supervisor")

MEBIBYTE = 1 << 20
START_SECONDS = 120.0
"""How long a process may take to import the application and to register."""
RETRY_SECONDS = 30.0
"""After a process that was too large could not be replaced, it is tried again."""


class Renewal:
    """Replaces processes: all of them when the code has changed, one that has grown too large.

    Args:
        crew: the processes.
        address: the database that they work on; one that works on another can't be told to be alive.
        max_memory: how many bytes a process may occupy; None for any.
        done: called when all have been replaced, or none could be.
    """

    def __init__(self, crew: Crew, address: str, max_memory: int | None, done: Callable[[], None]) -> None:
        self._crew = crew
        self._address = address
        self._max_memory = max_memory
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
        elif self._max_memory is not None and time.monotonic() >= self._retry_at:
            self._replace_large(self._max_memory)

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

    def _replace_large(self, most: int) -> None:
        for place in self._crew.places:
            current = place.current
            if current is None or current.report is None or place.retiring or current.report.memory <= most:
                continue
            size, limit = current.report.memory / MEBIBYTE, most / MEBIBYTE
            if current.report.done == 0:
                self._tell_once(current, size, limit)
                continue
            log.warning(
                "worker process %d occupies %.0f MiB, more than the %.0f MiB of --max-memory, after %d jobs; it is "
                "replaced, and ends after its %d running ones",
                *(current.pid, size, limit, current.report.done, current.report.running),
            )
            self._replace(place)
            return

    def _tell_once(self, process: ChildProcess, size: float, limit: float) -> None:
        if process.pid not in self._told:
            self._told.add(process.pid)
            log.error(
                "worker process %d occupies %.0f MiB before it has run any job: --max-memory %.0f MiB is too small",
                *(process.pid, size, limit),
            )
