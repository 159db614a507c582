"""chancy: psycopg, one table, rows retained until its pruner comes.

The asynchronous executor is the one that its documentation gives for many short jobs; `concurrency` 400 with
`eager_polling` was the fastest of 30, 100 and 400 in a tuning pass. Notifications are on, its default.
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

CONCURRENCY = 400


class ChancyProducer(Producer):
    """Its asynchronous client."""

    def __init__(self, url: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._chancy = _chancy(url)
        self._loop.run_until_complete(self._chancy.__aenter__())
        self._job = _job()

    def enqueue(self, numbers: Iterable[int], sent: Sent) -> None:
        """`push`."""

        async def run() -> None:
            for n in numbers:
                await self._chancy.push(self._job.with_kwargs(**payload(n)))
                sent(n)

        self._loop.run_until_complete(run())

    def bulk(self, numbers: range) -> None:
        """`push_many`, in its default batches of 1,000."""

        async def run() -> None:
            jobs = [self._job.with_kwargs(**payload(n)) for n in numbers]
            async for _ in self._chancy.push_many(jobs):
                pass

        self._loop.run_until_complete(run())

    def close(self) -> None:
        """Close its pool."""
        self._loop.run_until_complete(self._chancy.__aexit__(None, None, None))


class ChancyPeer(Peer):
    """chancy on psycopg."""

    name = "chancy"
    requirements = ("chancy==0.26.0", "psycopg[binary,pool]==3.3.9")
    settings = f"asynchronous executor, concurrency={CONCURRENCY}, eager_polling, jobs retained"
    unfinished = "select exists (select from chancy_jobs where state in ('pending', 'running', 'retrying'))"

    def install(self, url: str) -> None:
        """`migrate`, and its queue."""

        async def run() -> None:
            from chancy import Chancy, Queue

            async with _chancy(url) as chancy:
                await chancy.migrate()
                executor = Chancy.Executor.Async
                await chancy.declare(
                    Queue("default", executor=executor, concurrency=CONCURRENCY, polling_interval=1, eager_polling=True)
                )

        asyncio.run(run())

    def producer(self, url: str) -> Producer:
        """One client."""
        return ChancyProducer(url)

    def work(self, url: str, processes: int) -> None:
        """Its worker, which handles SIGTERM itself."""

        async def run() -> None:
            from chancy import Worker

            async with _chancy(url) as chancy, Worker(chancy, shutdown_timeout=5) as worker:
                await worker.wait_for_shutdown()

        asyncio.run(run())


def _chancy(url: str) -> Any:
    from chancy import Chancy

    log = logging.getLogger("chancy")
    log.setLevel(logging.WARNING)
    return Chancy(url, log=log)


def _job() -> Any:
    from chancy import job

    return job(queue="default")(nothing).job


async def nothing(n: int, note: str) -> None:
    """Do nothing but be counted; found again by the name of its module."""
    handle(n)


PEERS = (ChancyPeer(),)
