"""AWA: a Rust core with Python handlers, append-only queue storage.

64 workers on the queue, the setting of the earlier measurement; bulk enqueue by `enqueue_many_copy`, the COPY that its
documentation names for high volume.
"""
# pyright: reportMissingImports=false, reportAttributeAccessIssue=false
# What it measures is installed in an environment of its own; pyright then takes this file for it.

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from benchmarks.peers.handling import handle
from benchmarks.peers.peer import NOTE, Peer, Producer, Sent

WORKERS = 64
BULK = 10_000


@dataclass
class Nothing:
    """The arguments of its job."""

    n: int
    note: str


class AwaProducer(Producer):
    """Its synchronous client."""

    def __init__(self, url: str) -> None:
        from awa import Client

        self._client = Client(url)
        self._client.health_check()

    def enqueue(self, numbers: Iterable[int], sent: Sent) -> None:
        """`insert`."""
        for n in numbers:
            self._client.insert(Nothing(n, NOTE), queue="default")
            sent(n)

    def bulk(self, numbers: range) -> None:
        """`enqueue_many_copy`."""
        for first in range(numbers.start, numbers.stop, BULK):
            some = range(first, min(first + BULK, numbers.stop))
            self._client.enqueue_many_copy([Nothing(n, NOTE) for n in some], queue="default")

    def close(self) -> None:
        """Close its pool."""
        self._client.close()


class Awa(Peer):
    """AWA on its own driver."""

    name = "awa"
    requirements = ("awa-pg==0.6.9",)
    settings = f"{WORKERS} workers, async handlers, queue storage"
    # Its view of jobs by state takes minutes for 30,000 of them; this counts the entries and ends in its log.
    unfinished = "select (select count(*) from awa.ready_entries) > (select count(*) from awa.terminal_jobs)"

    def install(self, url: str) -> None:
        """`awa migrate`, and its newer storage from the beginning."""
        from awa import Client

        client = Client(url)
        client.migrate()
        client.install_queue_storage()

    def producer(self, url: str) -> Producer:
        """One client."""
        return AwaProducer(url)

    def work(self, url: str, processes: int) -> None:
        """Its client as a worker, until SIGTERM."""
        asyncio.run(_work(url))


async def _work(url: str) -> None:
    from awa import AsyncClient

    client = AsyncClient(url)
    client.task(Nothing, queue="default")(_nothing)
    end = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end.set)
    await client.start([("default", WORKERS)])
    await end.wait()
    await client.shutdown()


async def _nothing(job: Any) -> None:
    handle(job.args.n)


PEERS = (Awa(),)
