"""PGQueuer: asyncio, one table for live jobs and a log of finished ones.

Its documentation names `batch_size` as the setting for throughput; it also sizes the buffer of finished jobs. Of 10,
100 and 500, 500 was the fastest in a tuning pass, and the pool driver faster than one asyncpg connection or psycopg.
uvloop is what its command uses. Producers use one asyncpg connection, and the list form of `enqueue` in bulk.
"""
# pyright: reportMissingImports=false, reportAttributeAccessIssue=false
# What it measures is installed in an environment of its own; pyright then takes this file for it.

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Iterable
from typing import Any

from benchmarks.peers.handling import handle
from benchmarks.peers.peer import Peer, Producer, Sent, text

BATCH_SIZE = 500
BULK = 10_000


class PgQueuerProducer(Producer):
    """One asyncpg connection."""

    def __init__(self, url: str) -> None:
        import uvloop

        self._loop = uvloop.new_event_loop()
        self._connection, self._queries = self._loop.run_until_complete(_connect(url))

    def enqueue(self, numbers: Iterable[int], sent: Sent) -> None:
        """`Queries.enqueue` with one job."""

        async def run() -> None:
            for n in numbers:
                await self._queries.enqueue("nothing", text(n).encode())
                sent(n)

        self._loop.run_until_complete(run())

    def bulk(self, numbers: range) -> None:
        """`Queries.enqueue` with lists, in one transaction."""

        async def run() -> None:
            async with self._connection.transaction():
                for first in range(numbers.start, numbers.stop, BULK):
                    some = range(first, min(first + BULK, numbers.stop))
                    payloads = [text(n).encode() for n in some]
                    await self._queries.enqueue(["nothing"] * len(some), payloads, [0] * len(some))

        self._loop.run_until_complete(run())

    def close(self) -> None:
        """Close the connection."""
        self._loop.run_until_complete(self._connection.close())


class PgQueuer(Peer):
    """PGQueuer on asyncpg."""

    name = "pgqueuer"
    requirements = ("pgqueuer[asyncpg]==1.6.0", "uvloop==0.23.0")
    settings = f"batch_size={BATCH_SIZE}, asyncpg pool, uvloop, async handlers, finished jobs moved to its log"
    unfinished = "select exists (select from pgqueuer)"

    def install(self, url: str) -> None:
        """`pgq install`."""

        async def run() -> None:
            connection, queries = await _connect(url)
            await queries.install()
            await connection.close()

        asyncio.run(run())

    def producer(self, url: str) -> Producer:
        """One connection."""
        return PgQueuerProducer(url)

    def work(self, url: str, processes: int) -> None:
        """`PgQueuer.run` on a pool, in uvloop."""
        import uvloop

        uvloop.run(_work(url))


async def _connect(url: str) -> tuple[Any, Any]:
    import asyncpg
    from pgqueuer import AsyncpgDriver, Queries

    connection = await asyncpg.connect(url)
    return connection, Queries(AsyncpgDriver(connection))


async def _work(url: str) -> None:
    import asyncpg
    from pgqueuer import PgQueuer as Worker

    async with asyncpg.create_pool(url, min_size=2, max_size=10) as pool:
        worker = Worker.from_asyncpg_pool(pool)
        worker.entrypoint("nothing")(_nothing)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.shutdown.set)
        await worker.run(batch_size=BATCH_SIZE)


async def _nothing(job: Any) -> None:
    handle(json.loads(job.payload)["n"])


PEERS = (PgQueuer(),)
