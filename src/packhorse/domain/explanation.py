"""Why a job does not run: what is known of it, and the answer, which `packhorse.domain.reasons` makes of that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from packhorse.domain.state import JobState
from packhorse.domain.worker import WorkerRecord

MOST_COUNTED = 10_000
"""Up to where what stands in a job's way is counted."""
ALONE = timedelta(seconds=30)
"""After how long a job that runs alone gets neighbours, so that a long one does not idle its worker."""
LATELY = timedelta(minutes=5)
"""How far back the pace of a queue is measured."""

Code = Literal[
    "succeeded",
    "failed",
    "dismissed",
    "cancelled",
    "running",
    "cancelling",
    "lost",
    "held",
    "unloadable",
    "unknown_task",
    "after",
    "serial_key",
    "group",
    "settling",
    "not_due",
    "due",
    "paused",
    "floor",
    "no_worker",
    "no_worker_for_queue",
    "no_worker_for_both",
    "max_running",
    "rate",
    "slots",
    "alone",
    "suspect",
    "suspects_first",
    "behind",
    "next",
]
"""What kind of reason it is, for programs; `docs/explain.md` says what each means."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One thing that keeps a job from running, or what has become of it."""

    code: Code
    text: str
    """A sentence without the full stop."""
    advice: str | None = None
    """What a person can do about it; commands stand in backticks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a job does not run."""

    id: int
    task: str
    queue: str
    state: JobState
    claimable: bool
    """Whether the next claim of a worker that serves its queue and knows its task would take it, given room enough."""
    reasons: Sequence[Reason]
    """At least one: what keeps it from running now comes first, what would keep it later behind."""
    ahead: int | None = None
    """How many jobs of its queue would be claimed before it; None when it is not available."""
    ahead_is_exact: bool = True
    """False: there are more than `ahead`, which were not counted."""
    per_second: float | None = None
    """How many jobs of its queue have ended in a second, lately; None when too few have to say."""
    wait: timedelta | None = None
    """About how long the jobs ahead will take at that pace; None when nobody can say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFacts:
    """The job itself, live or finished."""

    id: int
    task: str
    queue: str
    state: JobState
    priority: int
    scheduled_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    attempt: int = 0
    failures: int = 0
    max_attempts: int | None = None
    crashes: int = 0
    reason: str | None = None
    waits_for: str | None = None
    is_fresh: bool = False
    """Whether it has just come to what it waits for, and no worker has looked yet."""
    serial_key: str | None = None
    group_key: str | None = None
    worker_id: int | None = None
    worker: str | None = None
    cancel_at: datetime | None = None
    cancelled_by: str | None = None
    error_type: str | None = None
    error_message: str | None = None
    dismissed_at: datetime | None = None
    dismissed_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How many jobs of a queue have ended, since when; the latest thousand of the last minutes at most."""

    number: int = 0
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFacts:
    """The job's queue: its settings, what counts against them, and its pace."""

    paused_at: datetime | None = None
    paused_by: str | None = None
    paused_reason: str | None = None
    priority_floor: int | None = None
    slots: int | None = None
    max_running: int | None = None
    rate_count: int | None = None
    rate_period: timedelta = timedelta(0)
    next_at: datetime | None = None
    """When a queue that has used up its rate goes on."""
    running: int = 0
    """How many of its jobs count against `max_running` now."""
    started: int = 0
    """How many count against the rate now."""
    ended: Sequence[Ended] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerFacts:
    """A registered worker."""

    record: WorkerRecord
    """What it says of itself; `executing` is how many jobs of this queue it holds."""
    knows_task: bool
    runs_alone: int | None = None
    """The job that it runs alone, and for a while claims nothing beside, because a worker that held it died."""

    def is_alive(self, now: datetime) -> bool:
        """Whether it was heard of within its lease."""
        return self.record.expires_at > now

    def serves(self, queue: str) -> bool:
        """Whether it takes jobs of this queue."""
        return not self.record.queues or queue in self.record.queues


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFacts:
    """Who has the job's serial key; all None when nobody has."""

    holder: int | None = None
    state: JobState | None = None
    waits_for: str | None = None
    started_at: datetime | None = None
    scheduled_at: datetime | None = None
    worker: str | None = None
    ahead: int | None = None
    """How many jobs wait for the key before this one; None when it has no place yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupFacts:
    """The job's group in its queue."""

    max_running: int | None = None
    rate_count: int | None = None
    rate_period: timedelta = timedelta(0)
    is_fair: bool = False
    next_at: datetime | None = None
    inside: int | None = None
    """How many of its jobs are available or running."""
    ahead: int | None = None
    """How many wait before this one; None when it has no place yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NeededJob:
    """A job that this one waits for."""

    id: int
    state: JobState
    needs: Literal["success", "end"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadProblem:
    """A module that can't be imported on some machine."""

    module: str
    host: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that is known, at one moment."""

    now: datetime
    job: JobFacts
    claimable: bool = False
    """What the claim's own rule says of the job, apart from how many may be claimed."""
    free_permits: int = 1_000_000
    """How many jobs of the queue its limits let start now."""
    ahead: int | None = None
    suspects: int = 0
    """How many available jobs of the queue lost their worker, and so are tried first, each alone."""
    queue: QueueFacts = field(default_factory=QueueFacts)
    workers: Sequence[WorkerFacts] = ()
    other_tasks: Sequence[str] = ()
    """What the registered workers know, when none of them knows the job's task."""
    load_problems: Sequence[LoadProblem] = ()
    key: KeyFacts = field(default_factory=KeyFacts)
    group: GroupFacts = field(default_factory=GroupFacts)
    needed: Sequence[NeededJob] = ()
    """The jobs that have not ended as they must, those that did not succeed first."""
