"""Several applications under one command: a supervisor for each, in a process of its own.

Nothing is shared between them, so a database that is away, or code that can't be imported, holds up nobody else.
"""

from __future__ import annotations

import logging
import signal
import subprocess
import time
from collections.abc import Callable, Sequence

from packhorse.runtime.crew import FIRST_RESTART, LONGEST_RESTART, YOUNG_SECONDS, is_on_terminal
from packhorse.runtime.endings import EXIT_KILLED, EXIT_OK, EXIT_SCHEMA, EXIT_USAGE, ending
from packhorse.runtime.signals import Signals
from packhorse.runtime.systemd import Systemd

log: logging.Logger = logging.getLogger("packhorse.supervisor")

PASSED_ON = (signal.SIGTSTP, signal.SIGCONT, signal.SIGUSR1, signal.SIGHUP)
"""What a supervisor gets only once it can take it; before, it would be stopped or ended by it, or never hear of it."""
STOPPED = frozenset({EXIT_OK, -signal.SIGTERM, -signal.SIGQUIT})
"""How a supervisor may end when it was told to; by the signal itself when it had not even begun."""
GRACE = 25.0
"""Seconds beyond the shutdown timeout before a supervisor that does not end is killed; longer than its own patience."""


class Place:
    """One application, and the supervisor that serves it.

    Args:
        path: where the application is, `package.module:attribute`.
        command: makes the supervisor's command line, given whether it is to begin quietly.
    """

    def __init__(self, path: str, command: Callable[[bool], Sequence[str]]) -> None:
        self.path: str = path
        self._command = command
        self.process: subprocess.Popen[bytes] | None = None
        self.code: int | None = None
        """How it last ended."""
        self.is_done: bool = False
        self.restart_at: float = 0.0
        self._started_at = 0.0
        self._deaths = 0

    def start(self, is_quiet: bool) -> None:
        """Start a supervisor, in a process group of its own: a key on the terminal is this process's to pass on."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON)
        try:
            command = self._command(is_quiet)
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, process_group=0)  # noqa: S603 - our own
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self._started_at = time.monotonic()
        log.info("%s is served by process %d", self.path, self.process.pid)

    def send(self, number: int) -> None:
        """Send its supervisor a signal, if it has one."""
        if self.process is not None:
            self.process.send_signal(number)

    def has_ended(self) -> bool:
        """Whether its supervisor has ended since the last look."""
        if self.process is None or (code := self.process.poll()) is None:
            return False
        self.process, self.code = None, code
        return True

    def plan_restart(self) -> None:
        """Start anew after a pause, a longer one where it ends again and again."""
        is_young = time.monotonic() - self._started_at < max(YOUNG_SECONDS, LONGEST_RESTART)
        self._deaths = self._deaths + 1 if is_young else 1
        pause = min(LONGEST_RESTART, FIRST_RESTART * 2 ** (self._deaths - 1))
        self.restart_at = time.monotonic() + pause
        log.error("%s %s; it is started again in %g s, the others go on", self.path, ending(self.code or 0), pause)


class Several:
    """Runs a supervisor for each application until told to stop, or until all are done.

    Args:
        places: the applications.
        is_lasting: whether they work until told to stop; else one that ends by itself is done.
        quiet: whether they begin without claiming anything.
        shutdown_timeout: seconds that running jobs may take to end at a stop.
        systemd: the service manager.
    """

    def __init__(
        self, places: Sequence[Place], *, is_lasting: bool, quiet: bool, shutdown_timeout: float, systemd: Systemd
    ) -> None:
        self._places = places
        self._is_lasting = is_lasting
        self._is_quiet = quiet
        self._patience = shutdown_timeout + GRACE
        self._systemd = systemd
        self._stop_at: float | None = None

    def run(self) -> int:
        """Work until told to stop and every supervisor has ended; the exit status. Call it in the main thread."""
        wanted = [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGCONT, signal.SIGUSR1]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            wanted.append(signal.SIGHUP)
        signals = Signals(*wanted, signal.SIGCHLD)
        self._fill()
        self._systemd.ready()
        while not self._is_over():
            for number in signals.read(self._pause()):
                self._handle(number)
            for place in self._places:
                if place.has_ended():
                    self._ended(place)
            self._fill()
            if self._stop_at is not None and time.monotonic() >= self._stop_at:
                self._send(signal.SIGKILL)
            self._tell_systemd()
        log.info("stopped")
        return self._status()

    def _is_over(self) -> bool:
        if any(place.process is not None for place in self._places):
            return False
        return self._stop_at is not None or all(place.is_done for place in self._places)

    def _status(self) -> int:
        """The worst of all: what was cut off, then anything that went wrong, in the order of the applications."""
        codes = [place.code for place in self._places if place.code is not None and place.code not in STOPPED]
        cut_off = any(code == EXIT_KILLED or code < 0 for code in codes)
        return EXIT_KILLED if cut_off else next(iter(codes), EXIT_OK)

    def _fill(self) -> None:
        for place in self._places:
            is_wanted = self._stop_at is None and place.process is None and not place.is_done
            if is_wanted and time.monotonic() >= place.restart_at:
                place.start(self._is_quiet)

    def _pause(self) -> float:
        wanted = 1.0 if self._systemd.watchdog is None else min(1.0, self._systemd.watchdog / 4)
        starts = [place.restart_at for place in self._places if place.process is None and not place.is_done]
        return max(0.01, min([wanted, *(moment - time.monotonic() for moment in starts if self._stop_at is None)]))

    def _ended(self, place: Place) -> None:
        if self._stop_at is not None:
            return
        if not self._is_lasting or place.code == EXIT_OK:
            place.is_done = True
            log.info("%s %s; the others go on", place.path, ending(place.code or 0))
            return
        place.plan_restart()
        if all(one.code in (EXIT_USAGE, EXIT_SCHEMA) and one.process is None for one in self._places):
            log.error("no application can be served")
            for one in self._places:
                one.is_done = True

    def _handle(self, number: int) -> None:
        is_again = number == signal.SIGINT and self._stop_at is not None
        match number:
            case signal.SIGTERM | signal.SIGINT if not is_again:
                self._stop(signal.SIGTERM)
            case signal.SIGINT | signal.SIGQUIT:
                self._stop(signal.SIGQUIT)
            case signal.SIGHUP if is_on_terminal():
                self._stop(signal.SIGTERM)
            case signal.SIGTSTP | signal.SIGCONT:
                self._is_quiet = number == signal.SIGTSTP
                self._send(number)
            case signal.SIGUSR1 | signal.SIGHUP:
                self._send(number)
            case _:
                pass

    def _stop(self, number: int) -> None:
        if self._stop_at is None:
            self._stop_at = time.monotonic() + self._patience
            self._systemd.stopping(self._patience)
        self._send(number)

    def _send(self, number: int) -> None:
        for place in self._places:
            place.send(number)

    def _tell_systemd(self) -> None:
        state = "stopping" if self._stop_at is not None else "quiet" if self._is_quiet else "working"
        served = sum(place.process is not None for place in self._places)
        self._systemd.status(f"{state}; applications {len(self._places)}, served {served}")
        if self._systemd.watchdog is not None:
            self._systemd.feed()
