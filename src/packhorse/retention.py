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
    rest: Expired
    """Where to go on: what is left begins there, if anything is."""


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
        """
        ...

    def forget_batches(self, limit: int) -> int:
        """Delete batches that ended as long ago as jobs are kept and have no job that is recorded any more; how many.

        At most `limit` batches are looked at, those behind the ones of the call before; behind the last comes the
        first.
        """
        ...
