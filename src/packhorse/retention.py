"""The part of an engine's contract by which finished jobs are forgotten. The docstrings are normative."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from packhorse.domain.state import JobState


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """The finished jobs of a queue in a state whose time is over: those that ended, or were dismissed, in a span."""

    queue: str
    state: JobState
    since_us: int
    """Microseconds since 1970, by the database's clock, as `until_us`; both belong to the span."""
    until_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What one chunk came to."""

    ids: Sequence[int]
    """The jobs that were deleted."""
    rest: Expired | None
    """Where to go on; None where the end was reached: what is left of these jobs is kept for something else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrunedBatches:
    """What one step of `Retention.prune_batches` came to."""

    forgotten: int = 0
    """Batches that are gone from now on; what belongs to them is deleted by the next steps."""
    batches: int = 0
    """Batches of which nothing is left."""
    jobs: int = 0
    """Jobs of theirs that were deleted."""
    after: int = 0
    """Where to go on: behind the batch of this number; 0 when the last of all has been looked at."""

    @property
    def is_more(self) -> bool:
        """Whether there may be more to do at once."""
        return (self.forgotten, self.batches, self.jobs) != (0, 0, 0)


class Retention(Protocol):
    """Finished jobs go when they were kept for as long as their queue says.

    A queue keeps succeeded and cancelled jobs for a time after their end, and failed ones for a time after somebody
    dismissed them; `packhorse.domain.retention` has the times of a queue that does not say. A failed job that nobody
    dismissed stays. With a time of zero succeeded jobs are not kept in the first place; one that failed or was skipped
    before it succeeded is, until it is pruned with its history.
    """

    def list_expired(self) -> list[Expired]:
        """What may be pruned now: for each queue and state at most one entry. Reads indexes, and takes no lock."""
        ...

    def count_expired(self, expired: Expired) -> int:
        """How many of these jobs are there, whether they may go or are kept for something else. Takes no lock."""
        ...

    def forget_starts(self, limit: int) -> int:
        """Delete up to `limit` records of when jobs started that count for no rate any more; how many.

        Those of queues that have no rate, and of groups that have no jobs. The others go when the next such job is
        claimed or let on.
        """
        ...

    def prune_jobs(self, expired: Expired, limit: int) -> Pruned:
        """Delete up to `limit` of these jobs, the oldest first, with their attempts, logs and progress.

        They leave the counts in the same transaction. Rows that somebody else has locked are passed over. Two may prune
        at once; each job is deleted by one of them. Going on with `rest` nothing that was deleted is read again.
        Jobs of batches are left to `prune_batches`.
        """
        ...

    def prune_batches(self, limit: int, after: int = 0) -> PrunedBatches:
        """Make one step to delete batches that have ended and none of whose jobs is to be kept, with all their jobs.

        A batch and its jobs go together: they are looked at together, under the batch's lock; from then on the batch is
        gone for everybody. Its rows are deleted up to `limit` jobs at a time. A batch whose last job is not recorded
        is kept for as long as succeeded jobs are by default. Up to `limit` batches are looked at in one step, by their
        numbers, those behind `after`.
        """
        ...
