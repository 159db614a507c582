"""Which rows a lane asks for next: from where in the table, and of which kind."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from typing import TypeVar

from packhorse.domain.job import Lease
from packhorse.domain.queuetable import RowClaim

H = TypeVar("H")

FULL_LOOK_SECONDS = 1.0
"""How often the table is looked through from its beginning while there are rows behind the mark: one that was committed
late, or put back, stands before it."""


class Finder:
    """Shared by the lanes of one processor in one process.

    Rows in an ascending order are taken from behind the last one that was taken: on PostgreSQL what is before it may be
    dead, and is walked through again by every claim for as long as somebody's old snapshot might see it. Rows that
    somebody has worked on before are asked for apart.

    Args:
        worker: the incarnation of the process, for leases.
        is_batch: whether rows are taken several at a time.
        open_limit: how long their transaction may stay open.
    """

    def __init__(self, worker: int, *, is_batch: bool, open_limit: timedelta) -> None:
        self._worker = worker
        self._is_batch = is_batch
        self._open_limit = open_limit
        self._numbers = itertools.count(1)
        self._mark: int | None = None
        self._look_at = 0.0
        self._lock = threading.Lock()

    def claims(self, limit: int) -> Iterator[RowClaim]:
        """What to ask for, one after the other, until something comes."""
        if self._is_time():
            yield self._claim(1, None, is_troubled=True)
            yield self._claim(limit, None)
            return
        mark = self._mark
        if mark is not None:
            yield self._claim(limit, mark)
            self._mark = None
        yield self._claim(limit, None)
        yield self._claim(1, None, is_troubled=True)

    def found(self, claim: RowClaim, place: int | None) -> None:
        """A claim has brought rows up to this place."""
        if place is not None and not claim.is_troubled:
            self._mark = place

    def _is_time(self) -> bool:
        """Whether it is time to look through the table from its beginning; for one of the lanes."""
        now = time.monotonic()
        with self._lock:
            is_time = now >= self._look_at
            if is_time:
                self._look_at = now + FULL_LOOK_SECONDS
            return is_time

    def _claim(self, limit: int, after: int | None, *, is_troubled: bool = False) -> RowClaim:
        return RowClaim(
            lease=Lease(self._worker, next(self._numbers)),
            limit=limit if self._is_batch else 1,
            is_batch=self._is_batch,
            after=after,
            is_troubled=is_troubled,
            open_limit=self._open_limit,
        )


def first(claims: Iterator[RowClaim], take: Callable[[RowClaim], H | None]) -> tuple[RowClaim, H] | None:
    """The first claim that brings something, and what it brings."""
    for claim in claims:
        found = take(claim)
        if found is not None:
            return claim, found
    return None


async def afirst(
    claims: Iterator[RowClaim], take: Callable[[RowClaim], Awaitable[H | None]]
) -> tuple[RowClaim, H] | None:
    """The same for coroutines."""
    for claim in claims:
        found = await take(claim)
        if found is not None:
            return claim, found
    return None
