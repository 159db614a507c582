"""The contract of what people do with jobs: withdraw, bring back, hold, release, delete; some by id, or all that fit.

Its methods are made for many rows at once and for concurrent workers: each takes some hundreds of ids, does what it can
with those whose state allows it at that moment, leaves the others as they are, and says which were which. So a caller
goes through thousands in short transactions, in order of id, and is nowhere half done. The docstrings are normative;
`packhorse.testing.contract.engine_operations` checks them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from packhorse.domain.state import JobState


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which jobs: those that fit all that is given; None leaves a field open."""

    states: frozenset[JobState] | None = None
    queue: str | None = None
    task: str | None = None
    """The task's name; `*` stands for any text and `?` for any character."""
    key: str | None = None
    """Their unique key, serial key or group."""
    error_type: str | None = None
    """The name of the class of their last error."""
    message: str | None = None
    """The last error's message, or the reason where there was no error; `*` and `?` as in `task`."""
    responsible: str | None = None
    """Who is recorded to be responsible for them; a live job has nobody of its task's."""
    older_than: timedelta | None = None
    """Enqueued longer ago; of finished jobs: finished longer ago."""
    newer_than: timedelta | None = None
    """Enqueued (finished) since then."""
    stale_for: timedelta | None = None
    """Blocked, and wanted longer ago than this; no finished ones."""
    batch: int | None = None
    """In the batch of this id."""
    is_held: bool = False
    """Only jobs on hold."""
    is_unheld: bool = False
    """Only live jobs that are not on hold, and all finished ones."""
    is_open: bool = False
    """Only failed jobs that nobody has dismissed: those in the inbox."""
    until_id: int | None = None
    """Only ids up to this: none that came after somebody counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectedGroup:
    """How many of the selected jobs are of one task and queue and in one state."""

    task: str
    queue: str
    state: JobState
    count: int
    highest_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StaleGroup:
    """Jobs of one task and queue that are blocked by the same kind of thing and have been wanted for long."""

    task: str
    queue: str
    waits_for: str
    """`hold`, `jobs`, `serial`, `group`, or `task` where no worker knows the task."""
    count: int
    since: datetime
    """Since when the oldest of them is wanted."""
    lowest_id: int
    """One of them, to be explained."""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """What became of jobs that were to be cancelled."""

    cancelled: frozenset[int] = frozenset()
    """They waited, and are cancelled."""
    asked: frozenset[int] = frozenset()
    """They run, and have been asked to stop, now or before."""


@dataclass(frozen=True, slots=True)
class Retried:
    """What became of jobs that were to be brought back."""

    retried: frozenset[int] = frozenset()
    taken: Mapping[int, int] = field(default_factory=dict)
    """Refused, because the job named has their unique key now."""


class Operations(Protocol):
    """What people do with jobs."""

    def list_selected(self, selection: Selection, after_id: int, limit: int) -> list[int]:
        """Up to `limit` ids above `after_id` of the jobs that fit, live or finished, in order. Takes no lock."""
        ...

    def count_selected(self, selection: Selection) -> list[SelectedGroup]:
        """How many fit, by task, queue and state, in this order. Takes no lock."""
        ...

    def list_stale(self, longer_than: timedelta) -> list[StaleGroup]:
        """The jobs that are blocked and were wanted longer ago than this, in groups, the oldest first. No lock."""
        ...

    def give_up_batches(self, ids: Sequence[int], by: str | None = None, why: str | None = None) -> set[int]:
        """Say of open batches that nothing more will come, whatever was expected; the ids of those.

        They end with the jobs that they have, and do not count as a success, whatever becomes of these; by whom and why
        is recorded as their `reason`.
        """
        ...

    def cancel_jobs(
        self, ids: Sequence[int], by: str | None = None, why: str | None = None, *, running: bool = True
    ) -> Cancelled:
        """Cancel jobs that are blocked, scheduled or available; ask those that run to stop, unless `running` is False.

        The request is recorded as `cancel_at` and `cancelled_by` (`somebody` without `by`; the reason after it,
        as `NAME: WHY`), and the first asker stays.
        """
        ...

    def retry_jobs(
        self, ids: Sequence[int], by: str | None = None, why: str | None = None, *, inbox: bool = False
    ) -> Retried:
        """Let failed or cancelled jobs run again, with all attempts before them; with `inbox` those in the inbox alone.

        They become available; one that had not gone on after other jobs waits for them again, and one with a serial key
        or a group goes to the end of its line. One whose unique key a live
        job has meanwhile stays where it is, as does the later one of two with the same key; the others come back.
        """
        ...

    def hold_jobs(self, ids: Sequence[int], by: str | None = None, why: str | None = None) -> set[int]:
        """Block jobs that are blocked, scheduled or available until they are released; the ids of those now held.

        `waits_for` is then `hold`, and the reason says by whom and why. One that is held already stays as it is.
        """
        ...

    def release_jobs(self, ids: Sequence[int]) -> set[int]:
        """Put held jobs back where they belong; the ids of those.

        To the gate that they had not passed, else scheduled while their time is to come, else available.
        """
        ...

    def delete_jobs(self, ids: Sequence[int]) -> set[int]:
        """Delete finished jobs for good, with their history; the ids of those.

        Live ones stay, and so do failed and cancelled ones for whose success other jobs wait.
        """
        ...
