"""Ourselves: `packhorse worker` with its default settings, finished jobs kept, `def` handlers on threads.

The peers that follow the first two differ in the task alone: an atomic one, and handlers that wait for a millisecond.
"""

from __future__ import annotations

import importlib
import os
import sys
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from benchmarks.peers.peer import NOTE, Peer, Producer, Sent
from benchmarks.peers.statements import statement

if TYPE_CHECKING:
    from packhorse import Packhorse

BULK = 100_000
"""Jobs in one call of `enqueue_many`, so that the producer's memory stays small for a million."""


FLOW_INTERVAL = 0.05
FEW = 1_000
"""Calls, or rows, that are stored together."""


class PackhorseProducer(Producer):
    """An application's own connection, as a plain script has it.

    Args:
        url: the database.
        tasks: the names of its tasks; the first one is enqueued.
    """

    def __init__(self, url: str, tasks: Sequence[str]) -> None:
        _set_up(url, tasks)
        from benchmarks.peers.tasks import app

        self._app, self._task = app, app.registry.get(tasks[0])
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

    def flow(self, rate: float, seconds: float) -> int:
        """`app.enqueue_many` twenty times a second, each with what is due by then."""
        late = self._app.registry.get("late")
        began, jobs = time.monotonic(), 0
        while (passed := time.monotonic() - began) < seconds:
            due = int(passed * rate) - jobs
            self._app.enqueue_many([late.call(time.monotonic_ns(), NOTE) for _ in range(due)])
            jobs += due
            time.sleep(max(0.0, FLOW_INTERVAL - (time.monotonic() - began - passed)))
        return jobs

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
    app: ClassVar[str] = "benchmarks.peers.tasks:app"
    tasks: ClassVar[tuple[str, ...]] = ("nothing", "late")
    flags: ClassVar[tuple[str, ...]] = ()

    def install(self, url: str) -> None:
        """`packhorse migrate up`."""
        _app(url).engine.migrate()

    def producer(self, url: str) -> Producer:
        """An application of its own."""
        return PackhorseProducer(url, self.tasks)

    def work(self, url: str, processes: int) -> None:
        """Become `packhorse worker`."""
        _set_up(url, self.tasks)
        words = ["-m", "packhorse", "worker", f"--app={self.app}", f"--processes={processes}"]
        words += ["--log-level=warning", *self.flags]
        os.execv(sys.executable, [sys.executable, *words])  # noqa: S606 - our own command


class OnSqlite(OnPostgres):
    """Packhorse on SQLite; synchronous is always FULL."""

    name = "packhorse_sqlite"
    unfinished = "select exists (select 1 from packhorse_job)"
    engine = "sqlite"


class Atomic(OnPostgres):
    """An atomic task: its UPDATE and the acknowledgement commit together."""

    name = "packhorse_atomic"
    settings = "atomic=True, -c 8, otherwise default settings; exactly once"
    tasks: ClassVar[tuple[str, ...]] = ("book",)
    flags: ClassVar[tuple[str, ...]] = ("--concurrency=8",)

    def install(self, url: str) -> None:
        """The schema, and the table that the tasks work on."""
        super().install(url)
        import psycopg

        with psycopg.connect(url) as connection:
            connection.execute(statement("stock_tables").encode())


class Napping(OnPostgres):
    """A handler that waits for a millisecond, on one of 16 threads."""

    name = "packhorse_nap"
    settings = "default settings: 16 threads"
    tasks = ("nap",)


class AsyncNapping(OnPostgres):
    """A coroutine that waits for a millisecond, one of 100."""

    name = "packhorse_async_nap"
    settings = "default settings: 100 coroutines"
    tasks = ("async_nap",)


class Mixed(OnPostgres):
    """The same jobs, for workers that know a coroutine, too, and look for both kinds while one fills the queue."""

    name = "packhorse_mixed"
    settings = "default settings; beside the function that is queued the workers know an `async def` handler"
    tasks = ("nothing", "async_nap")


def _set_up(url: str, tasks: Sequence[str]) -> None:
    os.environ["PACKHORSE_DATABASE_URL"] = url
    os.environ["BENCH_TASKS"] = ",".join(tasks)


def _app(url: str) -> Packhorse:
    from packhorse import Packhorse

    return Packhorse(url)


class StockProducer(Producer):
    """Connections of an application whose tasks are the calls of a model, or the rows of a table.

    Args:
        url: the database.
        module: the application's.
    """

    def __init__(self, url: str, module: str) -> None:
        _set_up(url, ())
        self._stock = importlib.import_module(module)
        self._stock.app.list_jobs(limit=1)

    def enqueue(self, numbers: Iterable[int], sent: Sent) -> None:
        """One short transaction each."""
        for n in numbers:
            self._stock.enqueue([n])
            sent(n)

    def bulk(self, numbers: range) -> None:
        """So many at once, again and again."""
        for first in range(numbers.start, numbers.stop, FEW):
            self._stock.enqueue(range(first, min(first + FEW, numbers.stop)))

    def close(self) -> None:
        """Close the application's connections."""
        self._stock.app.close()


class Deferred(Atomic):
    """A deferred call of a record's method: the record is read again, its UPDATE commits with the end of the job."""

    name = "packhorse_deferred"
    settings = "a method of a class of no framework, its record read by one SELECT; -c 8, otherwise default settings"
    app = "benchmarks.peers.calls:app"
    tasks: ClassVar[tuple[str, ...]] = ()

    def producer(self, url: str) -> Producer:
        """An application of its own."""
        return StockProducer(url, "benchmarks.peers.calls")


class Rows(Atomic):
    """A queue table: each row is removed and its UPDATE made in one transaction."""

    name = "packhorse_rows"
    settings = "a processor of single rows, batch_size=16, parallelism=2, one process"
    unfinished = "select exists (select from movement)"
    app = "benchmarks.peers.rows:app"
    tasks: ClassVar[tuple[str, ...]] = ()
    flags: ClassVar[tuple[str, ...]] = ()

    def install(self, url: str) -> None:
        """The schema, the stock, and the queue table."""
        super().install(url)
        _set_up(url, self.tasks)
        importlib.import_module("benchmarks.peers.rows").app.tables.create()

    def producer(self, url: str) -> Producer:
        """Plain INSERTs."""
        return StockProducer(url, "benchmarks.peers.rows")


class RowLists(Rows):
    """The same, up to sixteen rows in one transaction."""

    name = "packhorse_row_lists"
    settings = "a processor of lists of rows, batch_size=16, parallelism=2, one process; a transaction has sixteen rows"
    tasks = ("lists",)


PEERS = (OnPostgres(), OnSqlite(), Atomic(), Napping(), AsyncNapping(), Mixed(), Deferred(), Rows(), RowLists())
