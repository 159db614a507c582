"""Keeps an eye on the workers while they write invoices: shows how far they are, and lets the accident happen."""

import time

from packhorse import JobState, Packhorse
from shop.accident import Accident
from shop.books import Books
from shop.progress import Progress
from shop.workers import Workers, worker_pids

ACCIDENT_AT = 0.25
"""The share of the invoices after which a worker is killed."""
LOOK_SECONDS = 0.02
START_SECONDS = 30.0
"""How long the workers may take to start."""
STALL_SECONDS = 45.0
"""How long to wait for the next invoice, or for a new worker in the place of a killed one."""


class Stalled(Exception):
    """What should have happened long ago has not; the message says what."""


class Watch:
    """Looks at the shop's tables again and again, from the import of the first order to the last invoice.

    Args:
        app: the shop's.
        books: the shop's.
        workers: the processes.
        progress: shows how far they are; its total is the number of invoices that there will be.
    """

    def __init__(self, app: Packhorse, books: Books, workers: Workers, progress: Progress) -> None:
        self._app = app
        self._books = books
        self._workers = workers
        self._progress = progress
        self._accident = Accident(app, books, progress.say)
        self._invoices = 0
        self._looked_at = 0.0
        self._began_at = self._moved_at = time.monotonic()

    @property
    def seconds(self) -> float:
        """From the beginning of the work to the latest invoice."""
        return self._moved_at - self._began_at

    def wait_for_workers(self, count: int) -> None:
        """Wait until so many worker processes have reported for work; the work begins then.

        Raises:
            Stalled: they don't.
            WorkersEnded: they can't.
        """
        deadline = time.monotonic() + START_SECONDS
        while len(pids := worker_pids(self._app)) < count:
            self._workers.require_running()
            self._require(time.monotonic() < deadline, f"{len(pids)} of {count} workers have started")
            time.sleep(LOOK_SECONDS)
        self._accident.expect(pids)
        self._progress.say(f"workers at work: {', '.join(map(str, sorted(pids)))}")
        self._began_at = self._moved_at = time.monotonic()

    def look(self) -> None:
        """See how far the workers are, unless that was done just now.

        Raises:
            Stalled: no invoice was written for a long time.
            WorkersEnded: the workers have ended by themselves.
        """
        now = time.monotonic()
        if now - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = now
        self._workers.require_running()
        self._count(now)
        self._progress.show(self._invoices)
        if self._invoices >= int(self._progress.total * ACCIDENT_AT):
            self._accident.go_on()

    def wait_for_end(self) -> None:
        """Wait until no job is left, and a new worker has taken the killed one's place.

        Raises:
            Stalled: no invoice was written, or no new worker has come, for a long time.
            WorkersEnded: the workers have ended by themselves.
        """
        while self._count_live_jobs() or self._accident.needs_replacement:
            self.look()
            time.sleep(LOOK_SECONDS)
        self._count(time.monotonic())
        self._progress.show(self._invoices, is_last=True)

    def _count(self, now: float) -> None:
        invoices = self._books.count_invoices()
        if invoices != self._invoices:
            self._invoices, self._moved_at = invoices, now
        has_moved = now - self._moved_at < STALL_SECONDS
        self._require(has_moved, f"{invoices:,} of {self._progress.total:,} invoices are written")

    def _count_live_jobs(self) -> int:
        return sum(count for state, count in self._app.count_jobs().items() if not JobState(state).is_final)

    def _require(self, is_so: bool, what: str) -> None:
        if not is_so:
            raise Stalled(f"nothing moves any more: {what}; {self._workers.last_words()}")
