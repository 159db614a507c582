"""Our own application: what `packhorse worker -A benchmarks.peers.tasks:app` serves in a benchmark.

It registers the tasks that BENCH_TASKS names: a worker that has coroutines as well as functions looks for both.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from typing import Any

from benchmarks.peers.handling import NAP_SECONDS, TASKS_VARIABLE, handle, note_latency
from benchmarks.peers.statements import STOCKS, statement
from packhorse import Context, Packhorse

_book = statement("stock_book")


def nothing(n: int, note: str) -> None:
    """Do nothing but be counted."""
    handle(n)


def nap(n: int, note: str) -> None:
    """Wait for a millisecond, as for another service, on a thread."""
    time.sleep(NAP_SECONDS)
    handle(n)


async def async_nap(n: int, note: str) -> None:
    """Wait for a millisecond on the event loop."""
    await asyncio.sleep(NAP_SECONDS)
    handle(n)


def book(ctx: Context, n: int, note: str) -> None:
    """Make one small UPDATE that commits together with the end of the job."""
    assert ctx.tx is not None
    ctx.tx.execute(_book, (n % STOCKS + 1,))
    handle(n)


def late(sent: int, note: str) -> None:
    """Tell how long ago it was enqueued: `sent` in nanoseconds of the monotonic clock."""
    note_latency(time.monotonic_ns() - sent)


HANDLERS: dict[str, Callable[..., Any]] = {
    "nothing": nothing,
    "nap": nap,
    "async_nap": async_nap,
    "book": book,
    "late": late,
}

app = Packhorse()
for _name in os.environ.get(TASKS_VARIABLE, "nothing").split(","):
    app.task(name=_name, atomic=_name == "book")(HANDLERS[_name])
