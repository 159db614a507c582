"""The pruner: the leader's service that deletes finished jobs whose time is over, a little at a time.

Every chunk is a short transaction, and after each it waits for several times as long as it took: on a database that has
much to do it goes slower by itself. Whenever it dies, the chunks before are done and the next leader goes on.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace

from packhorse.domain.state import JobState
from packhorse.retention import Expired, Retention
from packhorse.runtime.service import Service

log: logging.Logger = logging.getLogger("packhorse.worker")

CHUNK = 1000
"""Jobs, or starts of jobs, or batches, in one transaction."""
REST = 4.0
"""How many times as long as a chunk took the next one is put off."""
SHORTEST_REST = 0.02
"""Seconds between two chunks at least."""
LOOK_AGAIN = 3600.0
"""Seconds after which jobs that could not be deleted are looked at again: of batches, or that others wait for."""
ASK_AGAIN = 5.0
"""Seconds after which a worker that is not the leader asks itself again; it asks the database nothing."""


class Pruner(Service):
    """Deletes what need not be kept, while this worker leads: finished jobs, as their queue says, starts, and batches.

    Args:
        engine: the database.
        is_leader: whether this worker is the leader now. Two that prune at once do no harm.
    """

    name: str = "pruner"
    interval: float = 60.0

    def __init__(self, engine: Retention, is_leader: Callable[[], bool]) -> None:
        super().__init__()
        self._engine = engine
        self._is_leader = is_leader
        self._expired: deque[Expired] = deque()
        self._seen: dict[tuple[str, JobState], int] = {}
        self._forget_at = time.monotonic() + LOOK_AGAIN
        self._count = 0
        self._after = 0

    def run_once(self) -> float | None:
        """Look what there is to delete, or delete the next chunk of it."""
        if not self._is_leader():
            self._expired.clear()
            return ASK_AGAIN
        if self._expired:
            return self._prune()
        is_more = self._engine.forget_starts(CHUNK) == CHUNK
        self._expired.extend(self._unseen())
        if self._expired or is_more:
            return SHORTEST_REST
        return self._prune_batches()

    def _unseen(self) -> Iterator[Expired]:
        """What may be pruned, behind what was looked at: what was kept then is looked at again after an hour."""
        if time.monotonic() >= self._forget_at:
            self._seen.clear()
            self._forget_at = time.monotonic() + LOOK_AGAIN
        for expired in self._engine.list_expired():
            since = max(expired.since_us, self._seen.get((expired.queue, expired.state), 0))
            if since < expired.until_us:
                yield replace(expired, since_us=since)

    def _prune(self) -> float | None:
        """Delete a chunk; queues take turns, so that none waits until another's are gone."""
        began = time.monotonic()
        expired = self._expired.popleft()
        pruned = self._engine.prune_jobs(expired, CHUNK)
        self._count += len(pruned.ids)
        if pruned.rest is None:
            self._seen[expired.queue, expired.state] = expired.until_us
        else:
            self._expired.append(pruned.rest)
        return self._rest(began) if self._expired else self._prune_batches()

    def _prune_batches(self) -> float | None:
        """Make a step to delete batches; what is deleted is told at the end."""
        began = time.monotonic()
        pruned = self._engine.prune_batches(CHUNK, self._after)
        self._after = pruned.after
        self._count += pruned.jobs
        if pruned.is_more:
            return self._rest(began)
        if self._count:
            log.info("finished jobs deleted because their time was over: %d", self._count)
        self._count = 0
        return None

    def _rest(self, began: float) -> float:
        return max(SHORTEST_REST, REST * (time.monotonic() - began))
