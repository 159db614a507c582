"""Which rows a lane asks for next: from where in the table, and of which kind."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from typing import Literal, TypeVar

from packhorse.domain.job import Lease
from packhorse.domain.queuetable import RowClaim

H = TypeVar("H")

FULL_LOOK_SECONDS = 1.0
"""How often the table is looked through from its beginning while there are rows behind the mark: one that was committed
late, or put back, stands before it."""


class Finder:
    """Shared by the lanes of one processor in one process.

    Rows in an ascending order are taken from behind the last one that was taken: on PostgreSQL what is before it may be
    dead, and is walked through again by every claim for as long as somebody's old snapshot might see it.

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
        self._looked_at = 0.0
        self._lock = threading.Lock()

    def claims(self, limit: int) -> Iterator[RowClaim]:
        """What to ask for, one after the other, until something comes."""
        mark = self._from()
        if mark is not None:
            yield self._claim(limit, mark)
            self._forget()
        yield self._claim(limit, None)
        if self._is_batch:
            yield self._claim(1, None, is_troubled=True)

    def found(self, place: int | None) -> None:
        """Rows up to this place were taken."""
        if place is not None:
            with self._lock:
                self._mark = place if self._mark is None else max(self._mark, place)

    def _from(self) -> int | None:
        with self._lock:
            if time.monotonic() - self._looked_at >= FULL_LOOK_SECONDS:
                self._mark, self._looked_at = None, time.monotonic()
            return self._mark

    def _forget(self) -> None:
        with self._lock:
            self._mark, self._looked_at = None, time.monotonic()

    def _claim(self, limit: int, after: int | None, *, is_troubled: bool = False) -> RowClaim:
        kind: Literal["troubled", "fresh"] = "troubled" if is_troubled else "fresh"
        return RowClaim(
            lease=Lease(self._worker, next(self._numbers)),
            limit=limit if self._is_batch else 1,
            is_batch=self._is_batch,
            after=after,
            only=kind if self._is_batch else None,
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
