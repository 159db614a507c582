"""One run of a processor: lanes that take rows, one transaction after the other, until there are none or enough."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from packhorse.queuetables.finding import Finder, afirst, first
from packhorse.queuetables.processor import MOST_LANES, Dials, QueueProcessor
from packhorse.queuetables.work import Ended, RowRunner
from packhorse.rowstore import RowTable
from packhorse.runtime.run import Runner

CONFLICT_SECONDS = 0.02
"""The longest random pause after the database has undone a transaction for nobody's fault."""


@dataclass(slots=True)
class Totals:
    """What a run came to.

    Attributes:
        done: rows that were done.
        failed: rows that were not.
        transactions: how many there were.
        busy: seconds that all lanes together worked on rows.
        seconds: how long it took.
        is_dry: whether a lane found nothing to take.
        leaves: whether rows are to leave the table.
        error: the last thing that went wrong.
    """

    done: int = 0
    failed: int = 0
    transactions: int = 0
    busy: float = 0.0
    seconds: float = 0.0
    is_dry: bool = False
    leaves: bool = False
    error: str | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, ended: Ended, seconds: float) -> None:
        """Count what became of the rows of one transaction."""
        with self._lock:
            self.done += ended.done
            self.failed += ended.failed
            self.transactions += 1
            self.busy += seconds
            self.leaves = self.leaves or ended.leaves
            self.error = ended.error or self.error


class LaneWatch:
    """What a run of rows knows of itself: whether it takes too long."""

    cancelled_by: str | None = None

    def __init__(self, limit: float) -> None:
        self._until = time.monotonic() + limit

    def is_late(self) -> bool:
        """As `Watch.is_late`."""
        return time.monotonic() > self._until

    def is_stopped(self) -> bool:
        """As `Watch.is_stopped`."""
        return False


class Lanes:
    """The lanes of a processor in one process: threads, or coroutines on one event loop.

    Args:
        processor: whose rows they work on.
        table: bound to the database.
        runner: what the steps of jobs need.
        work: runs the processor.
        finder: says which rows to ask for.
        is_stopping: whether no further row may be taken.
        is_lasting: whether there will be further runs.
    """

    def __init__(
        self,
        processor: QueueProcessor[Any],
        table: RowTable,
        runner: Runner,
        work: RowRunner,
        finder: Finder,
        *,
        is_stopping: Callable[[], bool],
        is_lasting: bool,
    ) -> None:
        self._processor = processor
        self._table = table
        self._begin = runner.begin
        self._work = work
        self._finder = finder
        self._is_stopping = is_stopping
        self._rest = partial(runner.rest, not is_lasting)
        self._limit = processor.open_limit.total_seconds()
        self._threads = ThreadPoolExecutor(MOST_LANES, thread_name_prefix=f"packhorse-{processor.name}")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._busy = set[object]()

    @property
    def running(self) -> int:
        """How many transactions are open at this moment."""
        return len(self._busy)

    def run(self, dials: Dials) -> Totals:
        """Work on up to `batch_size` rows in each of `parallelism` lanes; ends early where there are no more.

        Raises:
            DatabaseError: the rows can't be reached.
        """
        totals, began = Totals(), time.monotonic()
        if self._processor.task.is_async:
            self._on_loop(self._arun(dials, totals))
        else:
            _all(self._threads.submit(self._in_lane, dials, totals) for _ in range(dials.parallelism))
        totals.seconds = time.monotonic() - began
        return totals

    def close(self) -> None:
        """End the threads, or the loop."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)

    def _in_lane(self, dials: Dials, totals: Totals) -> None:
        try:
            self._lane(dials, totals)
        finally:
            self._rest()

    def _lane(self, dials: Dials, totals: Totals) -> None:
        left = dials.batch_size
        while left > 0 and not self._is_stopping():
            found = first(self._finder.claims(left), lambda claim: self._table.take(claim, self._begin))
            if found is None:
                totals.is_dry = True
                return
            claim, hold = found
            self._finder.found(claim, hold.rows[-1].place)
            left -= len(hold.rows)
            with self._counted(totals) as count:
                ended = count(self._work.run(hold, claim.lease, LaneWatch(self._limit)))
            if ended.is_conflict:
                time.sleep(random.uniform(0, CONFLICT_SECONDS))  # noqa: S311 - spreads load, guards no secret

    async def _arun(self, dials: Dials, totals: Totals) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(dials.parallelism):
                group.create_task(self._alane(dials, totals))

    async def _alane(self, dials: Dials, totals: Totals) -> None:
        left = dials.batch_size
        while left > 0 and not self._is_stopping():
            found = await afirst(self._finder.claims(left), self._table.atake)
            if found is None:
                totals.is_dry = True
                return
            claim, hold = found
            self._finder.found(claim, hold.rows[-1].place)
            left -= len(hold.rows)
            with self._counted(totals) as count:
                ended = count(await self._work.arun(hold, claim.lease, LaneWatch(self._limit)))
            if ended.is_conflict:
                await asyncio.sleep(random.uniform(0, CONFLICT_SECONDS))  # noqa: S311 - spreads load, guards no secret

    @contextmanager
    def _counted(self, totals: Totals) -> Iterator[Callable[[Ended], Ended]]:
        """Around the work on the rows of one transaction, which the caller then tells what became of them."""
        token, began = object(), time.monotonic()

        def count(ended: Ended) -> Ended:
            totals.add(ended, time.monotonic() - began)
            return ended

        self._busy.add(token)
        try:
            yield count
        finally:
            self._busy.discard(token)

    def _on_loop(self, work: object) -> None:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            threading.Thread(target=_run_loop, args=(self._loop,), name="packhorse-rows-loop", daemon=True).start()
        asyncio.run_coroutine_threadsafe(work, self._loop).result()  # type: ignore[arg-type]


def _run_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Until it is stopped."""
    try:
        loop.run_forever()
    finally:
        loop.close()


def _all(futures: Iterable[Future[None]]) -> None:
    """Wait for all of them, then raise what the first one raised that did."""
    ended = list(futures)
    errors = [error for future in ended if (error := future.exception()) is not None]
    if errors:
        raise errors[0]
