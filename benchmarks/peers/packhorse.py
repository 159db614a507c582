"""Ourselves: `packhorse worker` with its default settings, finished jobs kept, `def` handlers on threads."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from benchmarks.peers.peer import NOTE, Peer, Producer, Sent

if TYPE_CHECKING:
    from packhorse import Packhorse

BULK = 100_000
"""Jobs in one call of `enqueue_many`, so that the producer's memory stays small for a million."""


class PackhorseProducer(Producer):
    """An application's own connection, as a plain script has it."""

    def __init__(self, url: str) -> None:
        os.environ["PACKHORSE_DATABASE_URL"] = url
        from benchmarks.peers.tasks import app, nothing

        self._app, self._task = app, nothing
        app.list_jobs(limit=1)  # connects, so that the first enqueue doesn't

    def enqueue(self, numbers: Iterable[int], sent: Sent) -> None:
        """`task.enqueue(…)`: one short transaction each."""
        enqueue = self._task.enqueue
        for n in numbers:
            enqueue(n, NOTE)
            sent(n)

    def bulk(self, numbers: range) -> None:
        """`app.enqueue_many`."""
        call = self._task.call
        for first in range(numbers.start, numbers.stop, BULK):
            some = range(first, min(first + BULK, numbers.stop))
            self._app.enqueue_many(call(n, NOTE) for n in some)

    def close(self) -> None:
        """Close the application's connections."""
        self._app.close()


class OnPostgres(Peer):
    """Packhorse on PostgreSQL."""

    name = "packhorse"
    requirements = ()
    settings = "default settings: 16 threads, `def` handlers, finished jobs kept, leases and heartbeats on"
    unfinished = "select exists (select from packhorse.job)"
    has_own_fleet = True

    def install(self, url: str) -> None:
        """`packhorse migrate up`."""
        _app(url).engine.migrate()

    def producer(self, url: str) -> Producer:
        """An application of its own."""
        return PackhorseProducer(url)

    def work(self, url: str, processes: int) -> None:
        """Become `packhorse worker`."""
        os.environ["PACKHORSE_DATABASE_URL"] = url
        words = ["-m", "packhorse", "worker", "--app=benchmarks.peers.tasks:app", f"--processes={processes}"]
        os.execv(sys.executable, [sys.executable, *words, "--log-level=warning"])  # noqa: S606 - our own command


class OnSqlite(OnPostgres):
    """Packhorse on SQLite; synchronous is always FULL."""

    name = "packhorse_sqlite"
    unfinished = "select exists (select 1 from packhorse_job)"
    engine = "sqlite"


def _app(url: str) -> Packhorse:
    from packhorse import Packhorse

    return Packhorse(url)


PEERS = (OnPostgres(), OnSqlite())
