"""Kills one worker in the middle of its work, and watches another take its place."""

import os
import signal
import time
from collections.abc import Callable

from packhorse import Packhorse
from shop.books import Books
from shop.workers import worker_pids

SETTLE_SECONDS = 0.05
"""After this long, what a frozen process has sent to the database has arrived there."""


class Accident:
    """One `kill -9`, at a moment when the victim certainly has jobs in hand.

    Args:
        app: the shop's.
        books: the shop's.
        say: shows a line to the user.
    """

    def __init__(self, app: Packhorse, books: Books, say: Callable[[str], None]) -> None:
        self._app = app
        self._books = books
        self._say = say
        self._first_workers: set[int] = set()
        self._victim: int | None = None
        self._replacement: int | None = None

    @property
    def needs_replacement(self) -> bool:
        """Whether a worker was killed and no new one has taken its place yet."""
        return self._victim is not None and self._replacement is None

    def expect(self, workers: set[int]) -> None:
        """Note the processes that are at work from the start: one of them it will be."""
        self._first_workers = set(workers)

    def go_on(self) -> None:
        """Do what can be done now: kill a worker if one is at work, or see whether a new one has come."""
        if self._victim is None:
            self._strike()
        elif self._replacement is None:
            self._find_replacement()

    def _strike(self) -> None:
        """Freeze the busiest worker, look again at what it has in hand, and kill it, or let it go when that is nothing.

        Without the first step it might finish its work between the look and the kill.
        """
        pid = next((pid for pid in self._books.orders_at_work() if pid in self._first_workers), None)
        if pid is None:
            return
        os.kill(pid, signal.SIGSTOP)
        time.sleep(SETTLE_SECONDS)
        in_hand = self._books.orders_at_work().get(pid, 0)
        os.kill(pid, signal.SIGKILL if in_hand else signal.SIGCONT)
        if in_hand:
            self._victim = pid
            self._books.record_kill(pid)
            self._say(f"worker {pid} killed with SIGKILL, {in_hand} orders in hand")

    def _find_replacement(self) -> None:
        new_workers = worker_pids(self._app) - self._first_workers
        if new_workers:
            self._replacement = min(new_workers)
            self._say(f"worker {self._replacement} has taken its place")
