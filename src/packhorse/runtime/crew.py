"""The crew: all worker processes of one supervisor, in their places."""

from __future__ import annotations

import logging
import os
import selectors
import time
from collections.abc import Callable, Iterator, Sequence

from packhorse.runtime.endings import EXIT_REPLACE, ending
from packhorse.runtime.identity import new_incarnation
from packhorse.runtime.link import Terms, Wish
from packhorse.runtime.place import ChildProcess, Kind, Place, start

log: logging.Logger = logging.getLogger("packhorse.supervisor")

FIRST_RESTART, LONGEST_RESTART = 0.5, 30.0
"""Seconds before a process that died young is started again: doubled from the first to the longest."""
YOUNG_SECONDS = 2.0


class Crew:
    """Starts worker processes, hears what they say, and collects them.

    Args:
        command: makes a process's command line from its incarnation.
        processes: how many.
        terms: what a process is told before it begins.

    Attributes:
        is_quiet: whether all of them were told to claim nothing.
        is_stopping: whether all of them were told to end.
        moved_at: when the supervisor last came round, by the monotonic clock.
    """

    def __init__(self, command: Callable[[int], Sequence[str]], processes: int, terms: Terms) -> None:
        self._command = command
        self._terms = terms
        self._selector = selectors.DefaultSelector()
        self.places: list[Place] = [Place(number) for number in range(1, processes + 1)]
        self.is_quiet: bool = False
        self.is_stopping: bool = False
        self.moved_at: float = time.monotonic()

    def processes(self) -> list[ChildProcess]:
        """All that live."""
        return [process for place in self.places for process in place.processes()]

    def alive(self) -> list[int]:
        """The incarnations of those that live and are not held by a signal."""
        return [process.incarnation for process in self.processes() if not process.is_stopped]

    def order(self, kind: Kind) -> None:
        """Tell every process what to do."""
        for process in self.processes():
            process.order(kind)

    def tell(self, number: int) -> None:
        """Send every process a signal that it is to hear even when it is stopped."""
        for process in self.processes():
            process.tell(number)

    def fill(self) -> None:
        """Start a process in every place that has none, unless it has to wait."""
        for place in self.places:
            if place.current is None and time.monotonic() >= place.restart_at:
                place.current = self._start(place)

    def start_successor(self, place: Place) -> None:
        """Start the process that is to take over."""
        place.successor = self._start(place)

    def next_start(self) -> float:
        """Seconds until the next process is to be started; a second if none is."""
        moments = [place.restart_at for place in self.places if place.current is None]
        return max(0.01, min(moments, default=time.monotonic() + 1.0) - time.monotonic())

    def watch(self, pipe: int) -> None:
        """Wake up from `hear` when this can be read, too."""
        self._selector.register(pipe, selectors.EVENT_READ)

    def hear(self, timeout: float) -> Iterator[tuple[ChildProcess, Wish]]:
        """Wait until somebody has something to say, and take it in; what they wish."""
        for key, _ in self._selector.select(timeout):
            process = key.data
            if isinstance(process, ChildProcess):
                yield from ((process, wish) for wish in process.listen())
                if process.link.is_cut:
                    self._selector.unregister(process.link)

    def reap(self) -> Iterator[tuple[Place, ChildProcess, int]]:
        """Collect the processes that have ended, with their exit codes."""
        for place in self.places:
            for process in place.processes():
                if (code := process.check()) is not None:
                    yield place, process, code

    def leave(self, place: Place, process: ChildProcess) -> None:
        """Take a process that has ended out of its place."""
        if process.link.fileno() in self._selector.get_map():
            self._selector.unregister(process.link)
        place.leave(process)

    def plan_restart(self, place: Place, process: ChildProcess, code: int) -> None:
        """Say when a place is filled again: at once, or later when processes die young there."""
        is_young = time.monotonic() - process.started_at < YOUNG_SECONDS
        place.deaths = place.deaths + 1 if is_young and code != EXIT_REPLACE else 0
        pause = min(LONGEST_RESTART, FIRST_RESTART * 2 ** (place.deaths - 1)) if place.deaths else 0.0
        place.restart_at = time.monotonic() + pause
        when = f"in {pause:g} s" if pause else "at once"
        log.warning("worker process %d %s; a new one starts %s", process.pid, ending(code), when)

    def kill(self) -> Iterator[tuple[Place, ChildProcess, int]]:
        """End all that live at once, with their exit codes."""
        for place in self.places:
            for process in place.processes():
                yield place, process, process.kill()

    def _start(self, place: Place) -> ChildProcess:
        incarnation = new_incarnation()
        self._terms.quiet = self.is_quiet
        process = start(self._command(incarnation), incarnation, self._terms)
        self._selector.register(process.link, selectors.EVENT_READ, process)
        place.starts += 1
        log.info("worker process %d started", process.pid)
        return process


def is_on_terminal() -> bool:
    """Whether somebody sits in front of this process."""
    return os.isatty(0) or os.isatty(2)
