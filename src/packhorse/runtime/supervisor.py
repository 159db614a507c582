"""The supervisor: starts worker processes, keeps them alive, says that they are, and ends them together.

It runs no handler, so nothing that a handler does can stall the heartbeats that it renews for its children. A child
that is stopped (SIGSTOP) is not said to be alive; one that died is declared dead at once. Children are started by
exec, restarted with a growing pause when they die young, and die with the supervisor.
"""

from __future__ import annotations

import logging
import os
import queue
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import FrameType

from packhorse.engine import Engine
from packhorse.errors import DatabaseError
from packhorse.runtime.endings import ending
from packhorse.runtime.heartbeat import Heartbeat
from packhorse.runtime.settings import WorkerSettings
from packhorse.runtime.worker import new_incarnation

log: logging.Logger = logging.getLogger("packhorse.supervisor")

EXIT_OK, EXIT_FAILED, EXIT_USAGE, EXIT_SCHEMA, EXIT_KILLED, EXIT_REPLACE = 0, 1, 2, 4, 5, 75
ENDED_WELL = frozenset({EXIT_OK, EXIT_REPLACE, -signal.SIGTERM})
"""How a child may end when it was told to; by the signal itself when it had not even begun."""
FIRST_RESTART, LONGEST_RESTART = 0.5, 30.0
"""Seconds before a child that died young is started again: doubled from the first to the longest."""
YOUNG_SECONDS = 2.0
KILL_GRACE = 10.0
"""Seconds beyond the shutdown timeout before a child that does not end is killed."""
HURRY_SECONDS = 3.0
"""How long a child may take at most to hand back what runs after a second interrupt."""


@dataclass(slots=True)
class ChildProcess:
    """One place for a worker process, and the process in it."""

    incarnation: int = 0
    process: subprocess.Popen[bytes] | None = None
    is_stopped: bool = False
    started_at: float = 0.0
    restart_at: float = 0.0
    deaths: int = field(default=0)
    """How many times in a row it died young."""


class Supervisor:
    """Runs `processes` worker processes until it is told to stop.

    Args:
        engine: for heartbeats only.
        command: makes a child's command line from its incarnation.
        processes: how many.
        settings: for the times.
    """

    def __init__(
        self, engine: Engine, command: Callable[[int], Sequence[str]], processes: int, settings: WorkerSettings
    ) -> None:
        self._engine = engine
        self._command = command
        self._settings = settings
        self._places = [ChildProcess() for _ in range(processes)]
        self._signals: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._stop_at: float | None = None
        self._status = EXIT_OK
        self._heartbeat = Heartbeat(engine, self._alive, beat=settings.beat, lease=settings.lease)

    def run(self) -> int:
        """Work until told to stop and every child has ended; the exit status. Call it in the main thread."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
            signal.signal(number, self._on_signal)
        self._heartbeat.start()
        try:
            while self._has_work():
                self._start_missing()
                self._handle(self._next_signal())
                self._reap()
                self._kill_overdue()
        finally:
            self._kill_all()
            self._heartbeat.stop()
        log.info("stopped")
        return self._status

    # Signals

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._signals.put(number)

    def _next_signal(self) -> int | None:
        with suppress(queue.Empty):
            return self._signals.get(timeout=self._pause())
        return None

    def _pause(self) -> float:
        now = time.monotonic()
        moments = [place.restart_at for place in self._places if place.process is None and self._stop_at is None]
        return max(0.01, min([moment - now for moment in moments], default=1.0))

    def _handle(self, number: int | None) -> None:
        if number == signal.SIGINT and self._stop_at is not None:
            self._hurry(self._stop_at)
        elif number in (signal.SIGTERM, signal.SIGINT) and self._stop_at is None:
            self.stop()

    def stop(self) -> None:
        """Tell every child to end: no new claims, running jobs may finish up to the shutdown timeout."""
        log.info("stopping: running jobs may take up to %g s to end", self._settings.shutdown_timeout)
        self._stop_at = time.monotonic() + self._settings.shutdown_timeout + KILL_GRACE
        self._tell(signal.SIGTERM)

    def _hurry(self, stop_at: float) -> None:
        """Tell every child to hand back what runs and to end; one that can't do so in time is killed."""
        log.warning("interrupted again: running jobs go back, and the workers end within %g s", HURRY_SECONDS)
        self._stop_at = min(stop_at, time.monotonic() + HURRY_SECONDS)
        self._tell(signal.SIGQUIT)

    def _tell(self, number: int) -> None:
        for place in self._places:
            if place.process is not None:
                self._send(place, number)
                self._send(place, signal.SIGCONT)

    # Children

    def _has_work(self) -> bool:
        return self._stop_at is None or any(place.process is not None for place in self._places)

    def _start_missing(self) -> None:
        for place in self._places:
            if place.process is None and self._stop_at is None and time.monotonic() >= place.restart_at:
                self._start(place)

    def _start(self, place: ChildProcess) -> None:
        place.incarnation = new_incarnation()
        place.process = subprocess.Popen(  # noqa: S603 - our own command line
            self._command(place.incarnation), stdin=subprocess.PIPE, start_new_session=True
        )
        place.is_stopped = False
        place.started_at = time.monotonic()
        log.info("worker process %d started", place.process.pid)

    def _reap(self) -> None:
        """Collect what happened to the children: ended, stopped, continued."""
        for place in self._places:
            while place.process is not None:
                pid, status = os.waitpid(place.process.pid, os.WNOHANG | os.WUNTRACED | os.WCONTINUED)
                if pid == 0:
                    break
                self._note(place, status)

    def _note(self, place: ChildProcess, status: int) -> None:
        if os.WIFSTOPPED(status):
            place.is_stopped = True
        elif os.WIFCONTINUED(status):
            place.is_stopped = False
        else:
            self._ended(place, os.waitstatus_to_exitcode(status))

    def _ended(self, place: ChildProcess, code: int) -> None:
        process, place.process = place.process, None
        if process is not None:
            process.returncode = code
            if process.stdin is not None:
                process.stdin.close()
        with suppress(DatabaseError):
            self._engine.expire_worker(place.incarnation)
        if self._stop_at is not None:
            self._status = max(self._status, EXIT_OK if code in ENDED_WELL else EXIT_KILLED)
        elif code in (EXIT_USAGE, EXIT_SCHEMA):
            self._status = code
            self.stop()
        else:
            self._plan_restart(place, 0 if process is None else process.pid, code)

    def _plan_restart(self, place: ChildProcess, pid: int, code: int) -> None:
        is_young = time.monotonic() - place.started_at < YOUNG_SECONDS
        place.deaths = place.deaths + 1 if is_young and code != EXIT_REPLACE else 0
        pause = min(LONGEST_RESTART, FIRST_RESTART * 2 ** (place.deaths - 1)) if place.deaths else 0.0
        place.restart_at = time.monotonic() + pause
        when = f"in {pause:g} s" if pause else "at once"
        log.warning("worker process %d %s; a new one starts %s", pid, ending(code), when)

    def _kill_overdue(self) -> None:
        if self._stop_at is not None and time.monotonic() >= self._stop_at:
            self._kill_all()

    def _kill_all(self) -> None:
        for place in self._places:
            if place.process is not None:
                self._send(place, signal.SIGKILL)
                self._note(place, os.waitpid(place.process.pid, 0)[1])
                self._status = EXIT_KILLED

    @staticmethod
    def _send(place: ChildProcess, number: int) -> None:
        if place.process is not None:
            with suppress(ProcessLookupError):
                os.kill(place.process.pid, number)

    def _alive(self) -> list[int]:
        return [place.incarnation for place in self._places if place.process is not None and not place.is_stopped]
