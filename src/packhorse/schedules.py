"""The contract of a database backend of schedules: `ScheduleStore`, a part of `packhorse.engine.Engine`.

A schedule's row is changed by whoever has read it last: each change names the `revision` that it goes out from, and
comes to nothing when somebody else was faster. So a tick is fired once, whoever looks, and however many look at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

from packhorse.domain.job import NewJob
from packhorse.domain.schedule.definition import Policy, Schedule

DELETED = "deleted"
"""The state of a run whose job is gone."""
KEPT_RUNS = 100
"""How many runs that have ended are kept of each schedule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One run of a schedule: the job that a tick, or somebody by hand, has started."""

    id: int
    schedule: str
    tick: datetime | None
    """What it was due at; None for a run by hand."""
    job_id: int
    fired_at: datetime
    fired_by: str | None
    """The worker that fired it, or whoever did so by hand."""
    skipped: int
    """How many ticks came to nothing because of it."""
    late_at: datetime | None
    """When it was found to take longer than its schedule allows."""
    state: str
    """The state of its job, or `deleted` when that is gone."""
    attempt: int
    """How many times the job was started."""
    started_at: datetime | None
    """When its latest attempt was started."""
    ended_at: datetime | None
    """When its job came to a final state."""
    reason: str | None
    error_type: str | None
    error_message: str | None

    @property
    def duration(self) -> timedelta | None:
        """How long its latest attempt took; None while that is not over."""
        if self.started_at is None or self.ended_at is None:
            return None
        return self.ended_at - self.started_at


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRecord:
    """A schedule as the database knows it."""

    name: str
    schedule: Schedule | None
    """What was stored; None when this version can't read it."""
    problem: str | None
    """Why it can't be read."""
    fingerprint: str
    former: Sequence[str]
    """The fingerprints of what it was before, the latest last."""
    is_declared: bool
    """Whether it stands in the code of an application; otherwise somebody made it at run time."""
    owner: str | None
    """The module that declares it, or whoever made it."""
    revision: int
    changed_at: datetime
    changed_by: str | None
    settled_at: datetime | None
    """Until when all its ticks are settled; None is a new beginning."""
    next_at: datetime | None
    """The next tick; None when there is none."""
    waiting: Sequence[datetime]
    """The ticks that wait until the live run has ended."""
    missed_at: datetime | None
    """The first tick of the last time that nobody was there in time, and the policy left some out."""
    undeclared_at: datetime | None
    """Since when no worker's code declares it: it rests until one does."""
    paused_at: datetime | None
    paused_by: str | None
    pause_reason: str | None
    seen_at: datetime
    """The database's time of this reading."""
    live_jobs: Sequence[int]
    """The jobs of its runs that have not ended."""
    last_run: RunRecord | None
    """Its latest run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peek:
    """What whoever keeps the schedules needs to know before it sleeps."""

    seen_at: datetime
    """The database's time."""
    is_due: bool
    """Whether `list_due_schedules` would find one."""
    next_at: datetime | None
    """The next tick of all that is still to come."""
    has_open_runs: bool
    """Whether a run's end has not been recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotableRun:
    """A run that something is to be said of, with what its schedule wants."""

    run: RunRecord
    policy: Policy

    @property
    def is_over(self) -> bool:
        """Whether it has ended; otherwise it takes too long."""
        return self.run.ended_at is not None or self.run.state == DELETED


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """What a person should hear about a schedule.

    Attributes:
        kind: `late`, a run takes longer than `alarm_after`; or `failed`, a run has failed for good.
        run: which run.
        is_paused: whether the schedule was paused because of it.
    """

    kind: Literal["late", "failed"]
    run: RunRecord
    is_paused: bool = False

    def __str__(self) -> str:
        run = self.run
        which = "a run by hand" if run.tick is None else f"the run of {run.tick:%Y-%m-%d %H:%M:%S} UTC"
        begin = f"schedule {run.schedule}: {which}, job {run.job_id},"
        if self.kind == "late":
            return f"{begin} takes too long: it was started at {run.fired_at:%Y-%m-%d %H:%M:%S} UTC and is {run.state}"
        why = f"{run.error_type}: {run.error_message}" if run.error_type else run.reason or "no reason given"
        pause = "; the schedule is paused until somebody resumes it" if self.is_paused else ""
        return f"{begin} has failed: {why}{pause}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """How a schedule's row is to be settled.

    Attributes:
        name: which schedule.
        revision: the one that this goes out from.
        settled_at: until when all is settled.
        next_at: the next tick.
        waiting: the ticks that wait.
        missed_at: the first of the ticks that were missed and left out now; None leaves what there is.
        skipped: how many more ticks its latest run has kept from running.
        alarm_after: how long after its start a run that has not ended takes too long; None for never.
        jobs: what is to be enqueued, each with its tick, or None for a run by hand.
        by: who does it.
    """

    name: str
    revision: int
    settled_at: datetime | None
    next_at: datetime | None
    waiting: Sequence[datetime] = ()
    missed_at: datetime | None = None
    skipped: int = 0
    alarm_after: timedelta | None = None
    jobs: Sequence[tuple[datetime | None, NewJob]] = ()
    by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A schedule that is to be stored, new or in place of another one.

    Attributes:
        schedule: what it is.
        is_declared: whether it stands in an application's code.
        owner: the module that declares it, or whoever makes it.
        by: who stores it.
        former: the fingerprints of what it was before.
        revision: the one of the row that it replaces; 0 for a new one.
        settled_at: until when all is settled.
        next_at: the next tick.
    """

    schedule: Schedule
    is_declared: bool
    owner: str | None
    by: str | None
    former: Sequence[str] = ()
    revision: int = 0
    settled_at: datetime | None
    next_at: datetime | None


class ScheduleStore(Protocol):
    """Schedules, their ticks, and their runs."""

    def peek_schedules(self) -> Peek:
        """What is to be done now, and when to look again: from one statement."""
        ...

    def list_due_schedules(self, limit: int) -> list[ScheduleRecord]:
        """Up to `limit` schedules that may have something to do now, the longest due first.

        Those with a tick that has come, with a tick that waits, and those that are settled until a moment more than
        three hours ahead, because the clock was corrected; none that is paused, or that no worker's code declares.
        """
        ...

    def list_schedules(self, names: Sequence[str] | None = None) -> list[ScheduleRecord]:
        """All schedules, or those of these names, by name."""
        ...

    def settle_schedule(self, change: Change) -> list[int] | None:
        """Settle a schedule and enqueue what is to run, in one transaction; the ids of the jobs.

        None, and nothing is done, when the row has another revision by now. A tick that has started a run before
        starts no other one. Only the latest `KEPT_RUNS` runs that have ended are kept.
        """
        ...

    def put_schedule(self, definition: Definition) -> bool:
        """Store a schedule; False, and nothing is done, when the row has another revision, or is there already."""
        ...

    def pause_schedules(self, names: Sequence[str], by: str, reason: str | None) -> set[str]:
        """Pause schedules; the names of those that were not paused. Ticks that waited come to nothing."""
        ...

    def resume_schedule(self, change: Change) -> bool:
        """Let a paused schedule go on; False when the row has another revision by now. Enqueues nothing."""
        ...

    def delete_schedules(self, names: Sequence[str]) -> set[str]:
        """Delete schedules and the record of their runs; the names of those that were there. Jobs stay."""
        ...

    def list_schedule_runs(self, name: str, limit: int) -> list[RunRecord]:
        """The runs of a schedule, the latest first."""
        ...

    def list_notable_runs(self, limit: int) -> list[NotableRun]:
        """Up to `limit` runs that have ended, or take too long, and of which nobody has said so; the oldest first."""
        ...

    def end_runs(self, ids: Sequence[int]) -> set[int]:
        """Record how these runs have ended; the ids of those whose end nobody had recorded. Live ones are left out."""
        ...

    def mark_late_runs(self, ids: Sequence[int]) -> set[int]:
        """Record that these runs take too long; the ids of those of which nobody had said so."""
        ...

    def declare_schedules(self, worker: int, fingerprints: Mapping[str, str]) -> None:
        """Record which schedules a worker's code declares, until the worker is forgotten; they rest no more."""
        ...

    def list_declarations(self, names: Sequence[str]) -> set[tuple[str, str]]:
        """The names and fingerprints that some registered worker declares."""
        ...

    def rest_undeclared_schedules(self, age: timedelta) -> list[str]:
        """Let the schedules rest that came from code, at least `age` ago, and that no registered worker declares.

        The names of those that did not rest yet.
        """
        ...
