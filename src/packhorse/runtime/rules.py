"""What a worker knows of the queues' settings, read again when the revision in its glance has changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from packhorse.domain.queue import Queue
from packhorse.engine import Engine

REGATED_AT_ONCE = 5000


class QueueRules:
    """The settings of the queues that have a record.

    Args:
        engine: where they are.
        worker: whose they are.
        slots: how many slots each queue may take at most, by this worker's own settings; None is no limit.
    """

    def __init__(self, engine: Engine, worker: int, slots: Mapping[str, int | None]) -> None:
        self._engine = engine
        self._worker = worker
        self._slots = slots
        self._queues: Mapping[str, Queue] = {}
        self._limited: frozenset[str] = frozenset()
        self.revision: int | None = None
        """That of what was read last."""
        self.has_slots: bool = bool(slots)
        """Whether some queue may take only so many slots."""
        self.has_floors: bool = False
        """Whether some queue's jobs must have a priority to be claimed."""

    def refresh(self, revision: int) -> bool:
        """Read the settings again if the revision is another; whether what is held here was claimed under others."""
        if revision == self.revision:
            return False
        is_first = self.revision is None
        before, self._queues = self._queues, {one.name: one for one in self._engine.list_queue_settings()}
        self._limited = frozenset(name for name, one in self._queues.items() if _is_limited(one))
        if self._limited and not is_first:
            self._engine.permit_jobs(self._worker, sorted(self._limited))
        self._regate([name for name, one in self._queues.items() if _shares_among_groups(one)])
        self.revision = revision
        self.has_slots = bool(self._slots) or any(one.settings.slots for one in self._queues.values())
        self.has_floors = any(one.settings.priority_floor is not None for one in self._queues.values())
        return not is_first and before != self._queues

    def _regate(self, queues: Sequence[str]) -> None:
        """What was let on before there was a limit of its group waits again, unless it runs."""
        while queues and self._engine.regate_jobs(queues, REGATED_AT_ONCE) == REGATED_AT_ONCE:
            pass

    def slots(self, queue: str) -> int | None:
        """How many of its jobs may be held at once: the lesser of what the worker was told and what the record says."""
        record = self._queues.get(queue)
        limits = (self._slots.get(queue), None if record is None else record.settings.slots)
        return min((limit for limit in limits if limit is not None), default=None)

    def is_aging(self, queue: str) -> bool:
        """Whether the priorities of its jobs age."""
        record = self._queues.get(queue)
        return record is not None and record.settings.order == "aging"

    def is_limited(self, queue: str) -> bool:
        """Whether only so many of its jobs may run at once in all workers, or start in some time."""
        return queue in self._limited


def _shares_among_groups(queue: Queue) -> bool:
    settings = queue.settings
    return settings.fair or (settings.group_max_running, settings.group_rate) != (None, None)


def _is_limited(queue: Queue) -> bool:
    return (queue.settings.max_running, queue.settings.rate) != (None, None)
