"""Our own application: what `packhorse worker -A benchmarks.peers.tasks:app` serves in a benchmark."""

from __future__ import annotations

import asyncio
import time

from benchmarks.peers.handling import NAP_SECONDS, handle, note_latency
from benchmarks.peers.statements import statement
from packhorse import Context, Packhorse

STOCKS = 1_000

app = Packhorse()
_book = statement("stock_book")


@app.task(name="nothing")
def nothing(n: int, note: str) -> None:
    """Do nothing but be counted."""
    handle(n)


@app.task(name="nap")
def nap(n: int, note: str) -> None:
    """Wait for a millisecond, as for another service, on a thread."""
    time.sleep(NAP_SECONDS)
    handle(n)


@app.task(name="async_nap")
async def async_nap(n: int, note: str) -> None:
    """Wait for a millisecond on the event loop."""
    await asyncio.sleep(NAP_SECONDS)
    handle(n)


@app.task(name="book", atomic=True)
def book(ctx: Context, n: int, note: str) -> None:
    """Make one small UPDATE that commits together with the end of the job."""
    assert ctx.tx is not None
    ctx.tx.execute(_book, (n % STOCKS + 1,))
    handle(n)


@app.task(name="late")
def late(sent: int, note: str) -> None:
    """Tell how long ago it was enqueued: `sent` in nanoseconds of the monotonic clock."""
    note_latency(time.monotonic_ns() - sent)
