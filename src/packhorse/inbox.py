"""The contract of the inbox: failed jobs wait there until a person has solved or dismissed them. Normative docstrings.

It is no table of its own: a job is in the inbox while it is `failed` and nobody has dismissed it. So what fails is
there with the transaction that records the failure, once per job; solving brings the job back, which takes it out; and
the two can never disagree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from packhorse.operations import Selection

NOTICE = "packhorse.notice"
"""The task by which the responsible person is told of a failure; its arguments are the job's id and the person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxItem:
    """One failed job."""

    id: int
    """The id of the job."""
    task: str
    queue: str
    failed_at: datetime
    attempt: int
    """How often it was run."""
    args: str
    kwargs: str | None
    worker: str | None
    reason: str | None
    """What was said about the failure; of a `UserError` its description."""
    error_type: str | None
    error_message: str | None
    error_traceback: str | None
    responsible: str | None
    """The person of the job, else of its task, when it failed."""
    taken_at: datetime | None
    taken_by: str | None
    """Who looks into it."""
    dismissed_at: datetime | None
    dismissed_by: str | None
    dismissal: str | None
    """Why it was dismissed."""

    @property
    def state(self) -> Literal["open", "processing", "dismissed"]:
        """`processing` while somebody looks into it."""
        if self.dismissed_at is not None:
            return "dismissed"
        return "open" if self.taken_at is None else "processing"


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxGroup:
    """Failures of one task with the same error: type, message and reason."""

    task: str
    error_type: str | None
    error_message: str | None
    reason: str | None
    count: int
    taken: int
    """How many of them somebody looks into."""
    lowest_id: int
    highest_id: int
    oldest_at: datetime
    newest_at: datetime


class InboxStore(Protocol):
    """The failed jobs that wait for a person. `Operations.count_selected` counts them, with `is_open`."""

    def list_failures(
        self, selection: Selection, before_id: int | None, limit: int, *, dismissed: bool = False
    ) -> list[InboxItem]:
        """Up to `limit` failed jobs with ids below `before_id` that fit, the newest (highest id) first.

        Those in the inbox; with `dismissed` those that were. The selection's states do not count.
        """
        ...

    def group_failures(self, selection: Selection, limit: int) -> list[InboxGroup]:
        """What is in the inbox and fits, in up to `limit` groups of equal failures, the largest first."""
        ...

    def find_failure(self, id: int) -> InboxItem | None:
        """The failed job of that id, dismissed or not."""
        ...

    def take_jobs(self, ids: Sequence[int], by: str | None = None) -> set[int]:
        """Note that somebody looks into failures in the inbox, in place of whoever did; the ids of those."""
        ...

    def dismiss_jobs(self, ids: Sequence[int], by: str | None = None, why: str | None = None) -> set[int]:
        """Take failures out of the inbox for good; the ids of those. The jobs stay failed."""
        ...
