"""Queues whose limit is used up."""

from __future__ import annotations

from packhorse.runtime.acker import Acker
from packhorse.runtime.executor import Executor


class UsedUp:
    """Queues from which fewer jobs came than were wanted, until one of their jobs has ended here and is acknowledged.

    When a job ends elsewhere, the next look tells; when the rate allows more, the glance's time does.
    """

    def __init__(self, executor: Executor, acker: Acker) -> None:
        self._executor = executor
        self._acker = acker
        self._held: dict[str, int] = {}

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._held)

    def note(self, queue: str, claimed: int) -> None:
        """A claim has brought fewer jobs than were wanted; those on their way to the database may have left room."""
        self._held[queue] = self._executor.held(queue) + claimed + (0 if self._acker.is_idle() else 1)

    def take(self) -> list[str]:
        """Those that may have room again; they are none of these any more."""
        freed = [queue for queue, held in self._held.items() if self._executor.held(queue) < held]
        for queue in freed:
            del self._held[queue]
        return freed
