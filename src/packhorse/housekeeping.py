"""What keeps a database of jobs tidy: what never gets on is found and given up, and what is old is deleted."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from packhorse.batching import not_found
from packhorse.domain.batch import BatchRecord
from packhorse.engine import Engine
from packhorse.errors import ConfigurationError
from packhorse.operations import Selection, StaleGroup
from packhorse.selected import Done, SelectedJobs

LONG = timedelta(days=1)
"""After how long a job that is blocked is stale."""
PAGE = 1000
"""Batches that are looked at in one statement."""
CHUNK = 1000
"""Jobs that one transaction deletes."""


@dataclass(frozen=True, slots=True)
class Stale:
    """What does not get on by itself.

    Attributes:
        jobs: those that have been blocked for long, by task, queue and what they wait for; the oldest first.
        batches: those that are open although nothing has come or ended in them for as long as they are kept alive.
    """

    jobs: Sequence[StaleGroup]
    batches: Sequence[BatchRecord]

    @property
    def count(self) -> int:
        """How many jobs and batches."""
        return sum(group.count for group in self.jobs) + len(self.batches)


@dataclass(frozen=True, slots=True)
class Deleted:
    """What pruning has come to so far.

    Attributes:
        jobs: how many were deleted.
        batches: how many batches are gone with all their jobs.
    """

    jobs: int = 0
    batches: int = 0


class Housekeeping(ABC):
    """What an operator does now and then, by hand or from cron."""

    def find_stale(self, *, longer_than: timedelta = LONG) -> Stale:
        """Find the jobs that never became ready, and the batches that nobody has closed.

        A job is stale when it was wanted longer ago than this and is still blocked: held, waiting for a key or for
        other jobs, or of a task that no worker knows. `app.select(stale_for=…).cancel(by="kim", why="…")` gives such
        jobs up.

        Args:
            longer_than: how long a job may be blocked; a day.
        """
        _check(longer_than)
        engine = self._caught_up()
        return Stale(engine.list_stale(longer_than), [batch for batch in _open(engine) if batch.is_abandoned])

    def cancel_batch(self, id: int, *, by: str | None = None, why: str | None = None) -> Done:
        """Give a batch up: cancel those of its jobs that wait, ask those that run to stop, and let it end with them.

        It stays as a record, and so do its jobs, with the reason. It ends with the last of its jobs, whatever was
        expected; `on_end` is enqueued then, and `on_success` is not. It is `cancelled`, for its `reason`, and whoever
        waits for it gets `BatchFailed`.

        Args:
            id: the batch's.
            by: who does it, for the record.
            why: the reason, for the record.

        Raises:
            BatchNotFound: there is none.
        """
        engine = self._caught_up()
        if not engine.list_batches(id=id):
            raise not_found(id)
        done = SelectedJobs(self._caught_up, Selection(batch=id), self._woken).cancel(by=by, why=why)
        engine.give_up_batches([id], by, why)
        self._woken()
        return done

    def prune(self) -> Deleted:
        """Delete now what workers delete little by little: finished jobs whose time is over, and batches."""
        deleted = Deleted()
        for deleted in self.prune_steps():  # noqa: B007 - the last one is wanted
            pass
        return deleted

    def prune_steps(self) -> Iterator[Deleted]:
        """Do the same chunk by chunk; what was deleted so far, after each.

        Jobs in no batch go first, the oldest of each queue before the others; then batches, each as a whole: whoever
        stops in the middle of a large one leaves the rest of it to the next worker, and it is gone for everybody.
        """
        engine = self._caught_up()
        deleted = Deleted()
        expired = deque(engine.list_expired())
        while expired:
            pruned = engine.prune_jobs(expired.popleft(), CHUNK)
            expired += [] if pruned.rest is None else [pruned.rest]
            deleted = Deleted(deleted.jobs + len(pruned.ids), deleted.batches)
            yield deleted
        after, is_over = 0, False
        while not is_over:
            step = engine.prune_batches(CHUNK, after)
            after = step.after
            deleted = Deleted(deleted.jobs + step.jobs, deleted.batches + step.batches)
            is_over = after == 0 and not step.is_more
            yield deleted

    def count_expired(self) -> int:
        """How many finished jobs are there whose time is over: to be deleted, or kept for a batch or for other jobs."""
        engine = self._caught_up()
        return sum(engine.count_expired(expired) for expired in engine.list_expired())

    @abstractmethod
    def _caught_up(self) -> Engine:
        """The engine, after what was due has run, where jobs run inline."""

    @abstractmethod
    def _woken(self) -> None:
        """Jobs may have become available."""


def _check(longer_than: object) -> None:
    if not isinstance(longer_than, timedelta) or longer_than < timedelta(0):
        raise ConfigurationError(f"longer_than must be a timedelta, and not below zero: {longer_than!r}")


def _open(engine: Engine) -> Iterator[BatchRecord]:
    """The open batches, page by page."""
    page = engine.list_batches(is_open=True, limit=PAGE)
    while page:
        yield from page
        page = engine.list_batches(is_open=True, before_id=page[-1].id, limit=PAGE)
