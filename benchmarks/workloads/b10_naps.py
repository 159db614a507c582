"""B10: handlers that wait for a millisecond: 100 coroutines, 16 threads, PostgreSQL.

The ideal is what the same waits reach in a bare loop without a queue: a thread pool, an event loop.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence

from benchmarks.drain import drain
from benchmarks.peers.handling import NAP_SECONDS
from benchmarks.rounds import Sample
from benchmarks.stage import Stage
from benchmarks.workload import Case, Target, Workload

JOBS = {"packhorse_async_nap": 100_000, "packhorse_nap": 60_000}
COROUTINES, THREADS = 100, 16


def cases(stage: Stage) -> Sequence[Case]:
    """Ours, and the bare loops."""
    ours = [Case(peer, peer, _measuring(stage, peer)) for peer in JOBS]
    bare = [
        Case(f"bare event loop, {COROUTINES} coroutines", "", lambda: bare_coroutines(stage.scale.jobs(100_000))),
        Case(f"bare threads, {THREADS}", "", lambda: bare_threads(stage.scale.jobs(60_000))),
    ]
    return [*ours, *bare]


def bare_threads(jobs: int) -> Sample:
    """So many naps on sixteen threads."""
    numbers: Iterator[int] = iter(range(jobs))

    def run() -> None:
        for _ in numbers:  # a range's iterator is safe to share: each step is one step of the interpreter
            time.sleep(NAP_SECONDS)

    threads = [threading.Thread(target=run) for _ in range(THREADS)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"jobs_per_s": jobs / (time.monotonic() - started)}


def bare_coroutines(jobs: int) -> Sample:
    """So many naps in a hundred coroutines."""
    numbers = iter(range(jobs))

    async def run() -> None:
        for _ in numbers:
            await asyncio.sleep(NAP_SECONDS)  # the wait is the work

    async def gather() -> None:
        await asyncio.gather(*(run() for _ in range(COROUTINES)))

    started = time.monotonic()
    asyncio.run(gather())
    return {"jobs_per_s": jobs / (time.monotonic() - started)}


def _measuring(stage: Stage, peer: str) -> Callable[[], Sample]:
    return lambda: drain(stage, peer, stage.scale.jobs(JOBS[peer]))


WORKLOAD = Workload(
    id="B10",
    title="Handlers that wait for 1 ms: 100 coroutines, 16 threads, PostgreSQL",
    metric="jobs_per_s",
    cases=cases,
    targets=(
        Target("packhorse_async_nap", "jobs_per_s", f"bare event loop, {COROUTINES} coroutines", at_least=0.8),
        Target("packhorse_nap", "jobs_per_s", f"bare threads, {THREADS}", at_least=0.8),
    ),
)
