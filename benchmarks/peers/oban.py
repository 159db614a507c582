"""oban-py: psycopg's pool, one table, rows retained until its pruner comes; needs Python 3.12.

`limit` 200 was the fastest of 50, 200 and 1,000 in a tuning pass. uvloop is what its command uses.
"""
# pyright: reportMissingImports=false, reportAttributeAccessIssue=false
# What it measures is installed in an environment of its own; pyright then takes this file for it.

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterable
from typing import Any

from benchmarks.peers.handling import handle
from benchmarks.peers.peer import Peer, Producer, Sent, payload

LIMIT = 200
BULK = 1_000


class ObanProducer(Producer):
    """An Oban in client mode."""

    def __init__(self, url: str) -> None:
        import uvloop

        self._loop = uvloop.new_event_loop()
        self._pool, self._oban, self._worker = self._loop.run_until_complete(_open(url, {}))

    def enqueue(self, numbers: Iterable[int], sent: Sent) -> None:
        """`Worker.enqueue`."""

        async def run() -> None:
            for n in numbers:
                await self._worker.enqueue(payload(n))
                sent(n)

        self._loop.run_until_complete(run())

    def bulk(self, numbers: range) -> None:
        """`enqueue_many`, 1,000 jobs a call."""

        async def run() -> None:
            for first in range(numbers.start, numbers.stop, BULK):
                some = range(first, min(first + BULK, numbers.stop))
                await self._oban.enqueue_many([self._worker.new(payload(n)) for n in some])

        self._loop.run_until_complete(run())

    def close(self) -> None:
        """Close its pool."""
        self._loop.run_until_complete(self._pool.close())


class ObanPeer(Peer):
    """oban-py on psycopg."""

    name = "oban"
    requirements = ("oban==0.7.0", "psycopg[binary,pool]==3.3.9", "uvloop==0.23.0")
    settings = f"limit={LIMIT}, uvloop, async handlers, jobs retained"
    unfinished = "select exists (select from oban_jobs where state in ('available', 'executing', 'retryable'))"
    python = (3, 12)

    def install(self, url: str) -> None:
        """`oban install`."""

        async def run() -> None:
            from oban.schema import install

            pool = await _pool(url)
            await install(pool)
            await pool.close()

        asyncio.run(run())

    def producer(self, url: str) -> Producer:
        """One client."""
        return ObanProducer(url)

    def work(self, url: str, processes: int) -> None:
        """An Oban in server mode, until SIGTERM."""
        import uvloop

        uvloop.run(_work(url))


async def _pool(url: str) -> Any:
    from psycopg_pool import AsyncConnectionPool

    pool = AsyncConnectionPool(url, min_size=1, max_size=10, open=False)
    await pool.open(wait=True)
    return pool


async def _open(url: str, queues: dict[str, int]) -> tuple[Any, Any, Any]:
    from oban import Oban, worker

    pool = await _pool(url)
    return pool, Oban(pool=pool, queues=queues), worker(queue="default")(Nothing)


async def _work(url: str) -> None:
    pool, oban, _ = await _open(url, {"default": LIMIT})
    end = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end.set)
    async with oban:
        await end.wait()
    await pool.close()


class Nothing:
    """A worker that does nothing but be counted."""

    async def process(self, job: Any) -> None:
        """Run one job."""
        handle(job.args["n"])


PEERS = (ObanPeer(),)
