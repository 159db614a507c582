"""What a job is at each stage of its life: as a producer describes it, as a worker holds it, as a reader sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from packhorse.domain.moments import moment
from packhorse.domain.order import DEFAULT_PRIORITY
from packhorse.domain.package import NewPackage
from packhorse.domain.state import JobState

DEFAULT_QUEUE = "default"

Gate = Literal["jobs", "serial", "group"]
"""What a job that is due may still have to wait for, in this order: other jobs, its serial key, room in its group."""


OnDuplicate = Literal["refuse", "keep", "replace", "earliest", "merge"]
"""What becomes of a job whose unique key another one has: an error; that one stays as it is; that one takes over the
new one's arguments and times; or is due at the earlier one of the two times;
or, a package, is about these records as well."""


class Keys(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What ties a job to others. Most have nothing of it."""

    unique_key: str | None = None
    """No two live jobs of one task have the same."""
    unique_until: Literal["start", "end"] = "start"
    """Until when it counts: the job's first start, or its end."""
    on_duplicate: OnDuplicate = "refuse"
    serial_key: str | None = None
    """Jobs with the same run one at a time, in the order in which they became visible."""
    group_key: str | None = None
    """Whose job it is (a tenant's): limits per group count it, and a fair queue shares among groups."""
    after: tuple[int, ...] = ()
    """The jobs that must have ended before it starts."""
    after_needs: Literal["success", "end"] = "success"
    """Whether they must have succeeded."""
    responsible: str | None = None
    """Who is told when it fails."""
    batch_id: int | None = None
    """The batch that it is in."""

    @property
    def gate(self) -> Gate | None:
        """What the job must pass first, before it is available."""
        if self.after:
            return "jobs"
        if self.serial_key is not None:
            return "serial"
        return None if self.group_key is None else "group"


class NewJob(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A job that is about to be stored. Times left to the database's clock are given as durations from now."""

    task: str
    args: str = "[]"
    """Positional arguments, a JSON array."""
    kwargs: str | None = None
    """Keyword arguments, a JSON object; None when there are none."""
    queue: str = DEFAULT_QUEUE
    priority: int = DEFAULT_PRIORITY
    scheduled_at: datetime | None = None
    """Not before this moment (aware); None is as soon as possible."""
    delay: timedelta | None = None
    """Not before this long from now; in place of `scheduled_at`."""
    expected_at: datetime | None = None
    """Wanted by this moment (aware): orders the queue inside a priority."""
    expected_in: timedelta | None = None
    """Wanted this long from now; in place of `expected_at`."""
    max_attempts: int | None = None
    """In place of the task's own; None leaves it to the task."""
    meta: str | None = None
    """What middleware sends along (context, tenant, trace), a JSON object."""
    keys: Keys | None = None
    package: NewPackage | None = None
    """What makes it a work package."""

    @property
    def is_plain(self) -> bool:
        """Whether it has no time of its own, and nothing is stored beside it."""
        rest = (self.scheduled_at, self.delay, self.expected_at, self.expected_in, self.keys, self.package)
        return rest == (None, None, None, None, None, None)

    @property
    def on_duplicate(self) -> OnDuplicate | None:
        """What becomes of a job that has its unique key already; None for one without a key."""
        return None if self.keys is None or self.keys.unique_key is None else self.keys.on_duplicate

    @property
    def is_single(self) -> bool:
        """Whether one statement stores it, for all that it may be tied to."""
        return self.keys is None and self.package is None


def key_of(job: NewJob | JobRecord) -> int:
    """A number by which this process knows a job again: an id may have been given anew after a rollback.

    One with a unique key is known by that, since it may be there for several calls, and another one may replace its
    arguments.
    """
    unique_key = job.unique_key if isinstance(job, JobRecord) else job.keys.unique_key if job.keys else None
    return hash((job.task, job.args, job.kwargs) if unique_key is None else (job.task, unique_key))


def are_alike(jobs: Sequence[NewJob]) -> bool:
    """Whether jobs differ in nothing but their positional arguments, and have no times and keys."""
    first = jobs[0]
    kind = (first.task, first.queue, first.priority, first.max_attempts, None, None)
    return all(
        (job.task, job.queue, job.priority, job.max_attempts, job.kwargs, job.meta) == kind and job.is_plain
        for job in jobs
    )


class Lease(msgspec.Struct, frozen=True, gc=False):
    """The right of one worker to run and acknowledge a job, given by one claim.

    Attributes:
        worker: the incarnation of the worker, random for each start.
        number: the worker's own count of its claims; so no claim, even one that a crashed server forgot, is repeated.
    """

    worker: int
    number: int


class ClaimedJob(msgspec.Struct, frozen=True, gc=False):
    """A job in a worker's hands. Its fields have the order of a claim's columns: one is made for every run."""

    id: int
    task: str
    queue: str
    priority: int
    order_at_us: int
    """Microseconds since 1970; a moment is made of it only for whoever asks."""
    args: str
    kwargs: str | None
    meta: str | None
    own_enqueued_at_us: int | None
    """None for most jobs: they were enqueued at `order_at`, and a database takes long to write out a time."""
    attempt: int
    """Which run this is, from 1."""
    failures: int
    skips: int
    crashes: int
    """How many workers died while they held it: from the first on it runs alone, so that no neighbour is blamed."""
    max_attempts: int | None
    serial_key: str | None
    group_key: str | None
    lease: Lease
    cancelled_by: str | None = None
    """Who has asked that it be cancelled although it runs, as far as is known; nobody when it was claimed."""

    @property
    def order_at(self) -> datetime:
        """Its place in the queue, inside its priority."""
        return moment(self.order_at_us)

    @property
    def enqueued_at(self) -> datetime:
        """When it was enqueued."""
        return moment(self.order_at_us if self.own_enqueued_at_us is None else self.own_enqueued_at_us)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRecord:
    """A job as the database knows it, live or finished."""

    id: int
    task: str
    queue: str
    state: JobState
    priority: int
    args: str
    kwargs: str | None
    meta: str | None
    enqueued_at: datetime
    order_at: datetime
    scheduled_at: datetime | None
    """When it becomes or became due, the next attempt's time included; None is at once."""
    expected_at: datetime | None
    started_at: datetime | None
    """When the latest run was claimed."""
    finished_at: datetime | None
    attempt: int
    failures: int
    skips: int
    crashes: int
    max_attempts: int | None
    worker: str | None
    """The name of the worker that runs or ran it last, `host:pid`."""
    reason: str | None
    """Why it is in this state, when there is something to say."""
    error_type: str | None
    error_message: str | None
    error_traceback: str | None
    result: str | None
    """The returned value as JSON."""
    waits_for: str | None = None
    """What a blocked job waits for: `hold`, `task` (a worker that knows it), or a gate: `jobs`, `serial`, `group`."""
    unique_key: str | None = None
    serial_key: str | None = None
    group_key: str | None = None
    responsible: str | None = None
    """Who is told when it fails; of a failed job also its task's person."""
    cancel_at: datetime | None = None
    """When a job that runs was asked to stop."""
    cancelled_by: str | None = None
    """Who asked."""


def is_due(job: JobRecord, now: datetime) -> bool:
    """Whether nothing but a worker is wanting."""
    if job.state is JobState.SCHEDULED:
        return job.scheduled_at is not None and job.scheduled_at <= now
    return job.state is JobState.AVAILABLE


def wait_time(job: JobRecord) -> timedelta | None:
    """How long the latest run was due before it started; None where none was, or another one is to come."""
    if job.started_at is None or job.state not in (JobState.EXECUTING, JobState.SUCCEEDED, JobState.FAILED):
        return None
    due_at = max(job.enqueued_at, job.scheduled_at or job.enqueued_at)
    return max(timedelta(0), job.started_at - due_at)


def run_time(job: JobRecord) -> timedelta | None:
    """How long the run took that was the last one of a job that succeeded or failed; else None."""
    if job.started_at is None or job.finished_at is None or job.state not in (JobState.SUCCEEDED, JobState.FAILED):
        return None
    return max(timedelta(0), job.finished_at - job.started_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRecord:
    """How one run of a job that did not succeed ended."""

    job_id: int
    attempt: int
    worker: str | None
    started_at: datetime | None
    ended_at: datetime
    outcome: str
    """`retry`, `skip`, `fail`, `cancel` or `crash`."""
    reason: str | None
    error_type: str | None
    error_message: str | None
    error_traceback: str | None
