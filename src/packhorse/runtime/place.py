"""A place for a worker process: the process in it, those that were there before, and the one that is to come."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

from packhorse.runtime.link import Figures, Link, Order, Report, Terms, Up, Wish, pair, up_link

Kind = Literal["quiet", "resume", "retire", "dump", "permit"]


@dataclass(slots=True, eq=False)
class ChildProcess:
    """A worker process, seen from the supervisor."""

    incarnation: int
    process: subprocess.Popen[bytes]
    link: Link[Up]
    started_at: float = field(default_factory=time.monotonic)
    is_stopped: bool = False
    """Whether a signal holds it; the database is not told then that it lives."""
    report: Report | None = None
    """The last one; None before it takes orders and signals."""
    reports: int = 0
    heard_at: float = field(default_factory=time.monotonic)
    """When the last report came."""
    permits: int = 0
    """How many it has been given and has not given back."""

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self.process.pid

    @property
    def figures(self) -> Figures:
        """What it has done, as far as it has told."""
        return self.report.figures if self.report else Figures()

    @property
    def silence(self) -> float:
        """Seconds since it was last heard of."""
        return time.monotonic() - self.heard_at

    def listen(self) -> list[Wish]:
        """Take in what it has said; what it wishes."""
        wishes = list[Wish]()
        for message in self.link.hear():
            if isinstance(message, Wish):
                wishes.append(message)
            else:
                self.report, self.heard_at = message, time.monotonic()
                self.reports += 1
        return wishes

    def order(self, kind: Kind, permits: int = 0) -> None:
        """Tell it what to do."""
        self.link.say(Order(kind, permits))

    def send(self, number: int) -> None:
        """Send it a signal; one that has ended does not mind."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def tell(self, number: int) -> None:
        """Send it a signal that it is to hear even when it is stopped."""
        self.send(number)
        self.send(signal.SIGCONT)

    def check(self) -> int | None:
        """Note what happened to it: it was stopped, went on, or ended; the exit code then."""
        pid, status = os.waitpid(self.pid, os.WNOHANG | os.WUNTRACED | os.WCONTINUED)
        while pid:
            if not os.WIFSTOPPED(status) and not os.WIFCONTINUED(status):
                return self._ended(status)
            self.is_stopped = os.WIFSTOPPED(status)
            pid, status = os.waitpid(self.pid, os.WNOHANG | os.WUNTRACED | os.WCONTINUED)
        return None

    def kill(self) -> int:
        """End it at once and collect it; the exit code."""
        self.send(signal.SIGKILL)
        return self._ended(os.waitpid(self.pid, 0)[1])

    def _ended(self, status: int) -> int:
        self.process.returncode = code = os.waitstatus_to_exitcode(status)
        self.listen()  # its last words
        return code


def start(command: Sequence[str], incarnation: int, terms: Terms) -> ChildProcess:
    """Start a worker process by exec."""
    ours, theirs = pair()
    link = up_link(ours)
    link.say(terms)
    with theirs:
        process = subprocess.Popen(command, stdin=theirs.fileno(), start_new_session=True)  # noqa: S603 - our own command line
    return ChildProcess(incarnation, process, link)


@dataclass(slots=True, eq=False)
class Place:
    """One of the places for worker processes that a supervisor has."""

    number: int
    """Counted from 1."""
    current: ChildProcess | None = None
    successor: ChildProcess | None = None
    """The one that takes over as soon as it has registered."""
    retiring: list[ChildProcess] = field(default_factory=list)
    """Those that have been taken over from, and still run jobs."""
    restart_at: float = 0.0
    deaths: int = 0
    """How many processes in a row died young."""
    starts: int = 0
    past: Figures = field(default_factory=Figures)
    """What those have done that have ended."""

    def processes(self) -> list[ChildProcess]:
        """All that live."""
        return [one for one in (self.current, self.successor, *self.retiring) if one is not None]

    def figures(self) -> Figures:
        """What was done here since the supervisor's start."""
        figures = self.past
        for process in self.processes():
            figures = figures.plus(process.figures)
        return figures

    def take_over(self) -> ChildProcess | None:
        """The successor is the one now; the one that is to retire."""
        former, self.current, self.successor = self.current, self.successor, None
        if former is not None:
            self.retiring.append(former)
        return former

    def leave(self, process: ChildProcess) -> None:
        """A process has ended: what it has done is kept, and a successor that is on its way takes over."""
        self.past = self.past.plus(process.figures)
        process.link.close()
        if process is self.successor:
            self.successor = None
        elif process is self.current:
            self.current, self.successor = self.successor, None
        else:
            self.retiring.remove(process)
