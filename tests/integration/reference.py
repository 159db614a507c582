"""What an engine should do, in Python: the model that the state machine compares the engines with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from packhorse.domain.decide import Ack
from packhorse.domain.job import JobRecord, Lease
from packhorse.domain.state import JobState

RECORDED = frozenset({"retry", "skip", "fail", "cancel", "crash"})
WAITING = frozenset({JobState.BLOCKED, JobState.SCHEDULED, JobState.AVAILABLE})


@dataclass(frozen=True)
class Known:
    """A job as it should be."""

    id: int
    queue: str
    task: str
    priority: int
    order_at: datetime
    state: JobState
    due_at: datetime | None
    attempt: int = 0
    failures: int = 0
    skips: int = 0
    crashes: int = 0
    lease: Lease | None = None
    history: tuple[tuple[int, str], ...] = ()
    is_held: bool = False


@dataclass
class Reference:
    """All jobs, and what each method of an engine does to them."""

    jobs: dict[int, Known] = field(default_factory=dict)

    def insert(self, record: JobRecord) -> None:
        """A job whose times the database has set."""
        self.jobs[record.id] = Known(
            *(record.id, record.queue, record.task, record.priority, record.order_at, record.state),
            due_at=record.scheduled_at,
        )

    def claim(self, queue: str, limit: int, lease: Lease, others: Iterable[str], *, suspects: bool) -> list[int]:
        """The ids in the order of the claim."""
        ready = [
            job
            for job in self.in_state(JobState.AVAILABLE)
            if job.queue == queue and job.task not in others and (job.crashes > 0) == suspects
        ]
        taken = sorted(ready, key=lambda job: (job.priority, job.order_at, job.id))[:limit]
        for job in taken:
            self._change(job.id, state=JobState.EXECUTING, lease=lease, attempt=job.attempt + 1)
        return [job.id for job in taken]

    def accepts(self, ack: Ack) -> bool:
        """Whether the acknowledgement comes under the job's current lease."""
        return self.jobs[ack.job_id].lease == ack.lease

    def acknowledge(self, ack: Ack, order_at: datetime) -> None:
        """An accepted acknowledgement; `order_at` is what a new time by the database's clock came to."""
        job = self.jobs[ack.job_id]
        moved = ack.state is JobState.SCHEDULED
        self._change(
            ack.job_id,
            state=ack.state,
            lease=None,
            attempt=ack.attempt,
            failures=ack.failures,
            skips=ack.skips,
            crashes=ack.crashes,
            order_at=order_at if moved else job.order_at,
            due_at=order_at if moved else job.due_at,
            history=(*job.history, (ack.attempt, ack.outcome)) if ack.outcome in RECORDED else job.history,
        )

    def stage(self, now: datetime) -> int:
        """How many became available."""
        due = [job for job in self.in_state(JobState.SCHEDULED) if job.due_at is not None and job.due_at <= now]
        for job in due:
            self._change(job.id, state=JobState.AVAILABLE)
        return len(due)

    def move(self, task: str, queue: str | None, before: JobState, after: JobState) -> int:
        """Park or unpark the jobs of a task; how many."""
        found = [job for job in self.in_state(before) if job.task == task and queue in (None, job.queue)]
        found = [job for job in found if not job.is_held]
        for job in found:
            self._change(job.id, state=after)
        return len(found)

    def cancel(self, ids: Iterable[int]) -> set[int]:
        """The ids of those cancelled."""
        found = {id for id in ids if self.jobs[id].state in WAITING}
        for id in found:
            self._change(id, state=JobState.CANCELLED, is_held=False)
        return found

    def hold(self, ids: Iterable[int]) -> set[int]:
        """The ids of those now held."""
        found = {id for id in ids if self.jobs[id].state in WAITING and not self.jobs[id].is_held}
        for id in found:
            self._change(id, state=JobState.BLOCKED, is_held=True)
        return found

    def release(self, ids: Iterable[int], now: datetime) -> set[int]:
        """The ids of those put back where they belong."""
        found = {id for id in ids if self.jobs[id].is_held}
        for id in found:
            due_at = self.jobs[id].due_at
            is_due = due_at is None or due_at <= now
            self._change(id, state=JobState.AVAILABLE if is_due else JobState.SCHEDULED, is_held=False)
        return found

    def retry(self, ids: Iterable[int]) -> set[int]:
        """The ids of those brought back."""
        found = {id for id in ids if self.jobs[id].state in (JobState.FAILED, JobState.CANCELLED)}
        for id in found:
            self._change(id, state=JobState.AVAILABLE, failures=0, skips=0, crashes=0, due_at=None)
        return found

    def reorder(self, id: int, order_at: datetime) -> None:
        """A job that came back has a place that the database gave it."""
        self._change(id, order_at=order_at)

    def in_state(self, state: JobState) -> list[Known]:
        """The jobs in this state."""
        return [job for job in self.jobs.values() if job.state is state]

    def leased(self, worker: int) -> list[int]:
        """The ids of the jobs that a worker holds, ascending."""
        return sorted(job.id for job in self.jobs.values() if job.lease and job.lease.worker == worker)

    def counts(self) -> dict[JobState, int]:
        """How many jobs are in each state."""
        return {state: len(self.in_state(state)) for state in JobState}

    def next_due(self) -> datetime | None:
        """When the next scheduled job is due."""
        return min((job.due_at for job in self.in_state(JobState.SCHEDULED) if job.due_at), default=None)

    def _change(self, id: int, **changes: object) -> None:
        self.jobs[id] = replace(self.jobs[id], **changes)  # type: ignore[arg-type]


def is_about(moment: datetime, expected: datetime) -> bool:
    """Whether two readings of the same clock, one of them ours, agree."""
    return abs(moment - expected) < timedelta(seconds=15)
