"""Locks with which the transaction of a run begins, because the run before it said so."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

MOST_RESTARTS: Final = 20
"""So many times a run is begun anew for a lock; more are a mistake in its code."""


@dataclass(frozen=True, slots=True, order=True)
class FirstLock:
    """One lock.

    Attributes:
        name: what is locked, such as `table stock`; locks are taken in the order of their names.
        take: takes it in a handler's transaction; a coroutine's may return something to be awaited.
    """

    name: str
    take: Callable[[Any], Any] = field(compare=False)


class LockFirst(BaseException):
    """Ends a run that must begin anew with further locks; no error, so that no `except Exception` keeps it.

    Attributes:
        locks: those that are missing.
    """

    def __init__(self, locks: Iterable[FirstLock]) -> None:
        self.locks: frozenset[FirstLock] = frozenset(locks)
        super().__init__(f"to be locked first: {', '.join(lock.name for lock in sorted(self.locks))}")
