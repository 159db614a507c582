"""procrastinate: one job per statement, LISTEN and NOTIFY, rows retained (its default).

Its documentation offers `concurrency` for coroutines; 10 was the fastest of 1, 5, 10 and 40 in a tuning pass. The
connector is the asynchronous one on psycopg that its documentation recommends for workers, the synchronous one for
producers without a loop; `batch_defer` in bulk.
"""
# pyright: reportMissingImports=false, reportAttributeAccessIssue=false
# What it measures is installed in an environment of its own; pyright then takes this file for it.

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Any

from benchmarks.peers.handling import handle
from benchmarks.peers.peer import Peer, Producer, Sent, payload

CONCURRENCY = 10
BULK = 5_000


class ProcrastinateProducer(Producer):
    """The synchronous connector, with its pool open."""

    def __init__(self, url: str) -> None:
        from procrastinate import SyncPsycopgConnector

        self._app = _app(SyncPsycopgConnector(conninfo=url))
        self._app.open()
        self._task = self._app.tasks["nothing"]

    def enqueue(self, numbers: Iterable[int], sent: Sent) -> None:
        """`task.defer`."""
        for n in numbers:
            self._task.defer(**payload(n))
            sent(n)

    def bulk(self, numbers: range) -> None:
        """`task.batch_defer`."""
        for first in range(numbers.start, numbers.stop, BULK):
            self._task.batch_defer(*(payload(n) for n in range(first, min(first + BULK, numbers.stop))))

    def close(self) -> None:
        """Close the pool."""
        self._app.close()


class Procrastinate(Peer):
    """procrastinate on psycopg."""

    name = "procrastinate"
    requirements = ("procrastinate==3.10.0", "psycopg[binary]==3.3.9")
    settings = f"concurrency={CONCURRENCY}, async handlers, jobs retained"
    unfinished = "select exists (select from procrastinate_jobs where status in ('todo', 'doing'))"

    def install(self, url: str) -> None:
        """`procrastinate schema --apply`."""
        from procrastinate import SyncPsycopgConnector

        app = _app(SyncPsycopgConnector(conninfo=url))
        with app.open():
            app.schema_manager.apply_schema()

    def producer(self, url: str) -> Producer:
        """One connector."""
        return ProcrastinateProducer(url)

    def work(self, url: str, processes: int) -> None:
        """`run_worker_async`, which handles SIGTERM itself."""
        asyncio.run(_work(url))


def _app(connector: Any) -> Any:
    from procrastinate import App

    logging.getLogger("procrastinate").setLevel(logging.WARNING)
    app = App(connector=connector)
    app.task(name="nothing")(_nothing)
    return app


async def _work(url: str) -> None:
    from procrastinate import PsycopgConnector

    app = _app(PsycopgConnector(conninfo=url))
    async with app.open_async():
        await app.run_worker_async(concurrency=CONCURRENCY)


async def _nothing(n: int, note: str) -> None:
    handle(n)


PEERS = (Procrastinate(),)
