"""What a batch is, how its jobs are counted, and when it has ended. Pure rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal, NamedTuple

import msgspec
from msgspec.structs import replace as replace_fields

from packhorse.domain.job import Keys, NewJob

CountedAs = Literal["enqueued", "succeeded", "failed", "cancelled"]
"""What a job of a batch is counted as: not finished, or its final state."""

OCCASION_KEY: Final = "packhorse.batch"
"""Where a callback's occasion stands in its `meta`; nobody else may use it."""


class SomeBatch:
    """What stands for a batch: what `app.batch` returned, or the record of one."""

    __slots__ = ()

    id: int
    """The batch's number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBatch:
    """A batch that is about to be stored."""

    name: str
    type: str | None = None
    parent_id: int | None = None
    of_job: int | None = None
    """The running job whose batch is its parent where none is named."""
    expected: int | None = None
    keep_alive: timedelta | None = None
    on_success: NewJob | None = None
    on_failure: NewJob | None = None
    on_end: NewJob | None = None
    on_each: NewJob | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """The counters of a batch; times in microseconds since 1970."""

    enqueued: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    expected: int | None = None
    first_enqueued: int | None = None
    last_enqueued: int | None = None
    last_processed: int | None = None
    last_job_id: int | None = None
    closed: int | None = None

    @property
    def processed(self) -> int:
        """How many have ended."""
        return self.succeeded + self.failed + self.cancelled

    @property
    def is_open(self) -> bool:
        """Whether it is not closed, or more of its jobs are to end: of those that are there, or are expected."""
        return self.closed is None or self.processed < max(self.enqueued, self.expected or 0)


class Change(NamedTuple):
    """What a job of a batch has become."""

    job_id: int
    was: CountedAs | None
    """What it is counted as; None before it was ever counted."""
    became: CountedAs
    enqueued: int
    ended: int
    """When it ended, if it has."""


class Place(NamedTuple):
    """What is noted of a job that was counted."""

    job_id: int
    counted_as: CountedAs
    number: int | None
    """Its place in the batch, from 1; None where it has one already."""


def counted(totals: Totals, changes: Iterable[Change]) -> tuple[Totals, list[Place]]:
    """The counters after these changes, in order of the jobs' ids, and what is to be noted of each job.

    A job that was counted before is taken back first: one that failed and runs again is no failure any more.
    """
    places = list[Place]()
    for change in changes:
        is_new = change.was is None
        totals = _came(totals, change) if is_new else _less(totals, change)
        totals = _ended(totals, change)
        places.append(Place(change.job_id, change.became, totals.enqueued if is_new else None))
    return totals, places


def _came(totals: Totals, change: Change) -> Totals:
    return replace(
        totals,
        enqueued=totals.enqueued + 1,
        first_enqueued=min(change.enqueued, totals.first_enqueued or change.enqueued),
        last_enqueued=max(change.enqueued, totals.last_enqueued or change.enqueued),
    )


def _less(totals: Totals, change: Change) -> Totals:
    return totals if change.was in (None, "enqueued") else _plus(totals, change.was, -1)


def _ended(totals: Totals, change: Change) -> Totals:
    if change.became == "enqueued":
        return totals
    totals = _plus(totals, change.became, 1)
    if totals.last_processed is not None and totals.last_processed > change.ended:
        return totals
    return replace(totals, last_processed=change.ended, last_job_id=change.job_id)


def _plus(totals: Totals, state: CountedAs, number: int) -> Totals:
    if state == "succeeded":
        return replace(totals, succeeded=totals.succeeded + number)
    if state == "failed":
        return replace(totals, failed=totals.failed + number)
    return replace(totals, cancelled=totals.cancelled + number)


def callbacks(totals: Totals) -> list[str]:
    """Which callbacks have their reason now; each is enqueued once in the life of a batch."""
    due = list[str]()
    if totals.failed:
        due.append("on_failure")
    if not totals.is_open:
        if totals.succeeded == totals.enqueued:
            due.append("on_success")
        due.append("on_end")
    return due


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRecord(SomeBatch):
    """A batch as the database knows it. Its counters may lag behind its jobs by a worker's look."""

    id: int
    name: str
    type: str | None
    parent_id: int | None
    expected: int | None
    """How many jobs there will be at least: it stays open until as many have ended."""
    keep_alive: timedelta | None
    created_at: datetime
    first_enqueued_at: datetime | None
    last_enqueued_at: datetime | None
    last_processed_at: datetime | None
    last_job_id: int | None
    """The job that ended last."""
    enqueued: int
    succeeded: int
    failed: int
    cancelled: int
    closed_at: datetime | None
    ended_at: datetime | None
    seen_at: datetime
    """When this was read, by the database's clock."""
    is_counted: bool
    """Whether no news of it is to be counted: of jobs that have come, ended or are back, or that it was closed."""
    reason: str | None = None
    """By whom it was given up, and why: `cancelled by kim: its program has died`; None where nobody has."""

    @property
    def processed(self) -> int:
        """How many of its jobs have ended: succeeded, failed, or cancelled."""
        return self.succeeded + self.failed + self.cancelled

    @property
    def is_open(self) -> bool:
        """Whether something is still to come."""
        return self.ended_at is None

    @property
    def has_failed(self) -> bool:
        """Whether one of its jobs has failed or was cancelled, or it was given up itself."""
        return self.failed + self.cancelled > 0 or self.reason is not None

    @property
    def state(self) -> Literal["open", "abandoned", "succeeded", "failed", "cancelled"]:
        """What has become of it.

        `abandoned` is an open one in which nothing has happened for its `keep_alive`, `cancelled` one that was given
        up, whatever has become of its jobs.
        """
        if self.is_open:
            return "abandoned" if self.is_abandoned else "open"
        if self.reason is not None:
            return "cancelled"
        return "failed" if self.has_failed else "succeeded"

    @property
    def is_abandoned(self) -> bool:
        """Whether it is open, and nothing has come or ended in it for as long as it is kept alive."""
        if self.ended_at is not None or self.keep_alive is None:
            return False
        signs = (self.created_at, self.last_enqueued_at, self.last_processed_at, self.closed_at)
        return self.seen_at - max(sign for sign in signs if sign is not None) > self.keep_alive

    @property
    def is_waiting_for_more(self) -> bool:
        """Whether it is not closed, or fewer jobs have come than were expected."""
        return self.is_open and (self.closed_at is None or self.enqueued < self.total)

    @property
    def total(self) -> int:
        """How many jobs there are or will be, as far as is known; of one that was given up, how many there are."""
        return max(self.enqueued, self.expected or 0) if self.reason is None else self.enqueued

    @property
    def time_left(self) -> timedelta | None:
        """How long until all its jobs have ended, if they go on as until now; None while nobody can tell.

        Nobody can of an abandoned one, which does not go on, and of one that is not closed when all of it has ended.
        """
        if self.is_abandoned or (self.closed_at is None and self.processed >= self.total):
            return None
        return time_left(self.processed, self.total, self.first_enqueued_at, self.seen_at)


def time_left(processed: int, total: int, began_at: datetime | None, now: datetime) -> timedelta | None:
    """How long the rest takes when it goes on at the pace since the beginning; None while there is no pace."""
    if processed >= total:
        return timedelta(0)
    if processed == 0 or began_at is None or now <= began_at:
        return None
    return (now - began_at) * (total - processed) / processed


class Member(NamedTuple):
    """A job of a batch."""

    job_id: int
    number: int | None
    """Its place in the batch, from 1; None until it is counted."""
    counted_as: CountedAs | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """What a callback of a batch was enqueued for.

    Attributes:
        batch_id: the batch.
        member: for `on_each`, the job of it that has ended; what it was counted as then.
    """

    batch_id: int
    member: Member | None = None


def callback_for(callback: NewJob, occasion: Occasion) -> NewJob:
    """The job that is enqueued for this occasion. Those that tell of a batch's jobs run one at a time, in order."""
    meta = msgspec.json.decode(callback.meta or "{}")
    told = {"batch_id": occasion.batch_id, **(occasion.member._asdict() if occasion.member else {})}
    job = replace_fields(callback, meta=msgspec.json.encode({**meta, OCCASION_KEY: told}).decode())
    keys = job.keys or Keys()
    if occasion.member is None or keys.serial_key is not None:
        return job
    return replace_fields(job, keys=replace_fields(keys, serial_key=f"packhorse.batch:{occasion.batch_id}"))


def occasion_in(meta: Mapping[str, Any]) -> Occasion | None:
    """What a job was enqueued for, if it is the callback of a batch."""
    told = meta.get(OCCASION_KEY)
    if not isinstance(told, dict):
        return None
    member = Member(told["job_id"], told["number"], told["counted_as"]) if "job_id" in told else None
    return Occasion(batch_id=told["batch_id"], member=member)
