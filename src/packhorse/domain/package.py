"""What a work package is made of, as values: references to business records, and what it brings beside the job."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from packhorse.errors import UsageError

_CORRELATION = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,200}")
Outcome = Literal["done", "failed", "skipped"]
"""What has become of an element; None while nothing has."""
How = Literal["done", "skipped", "error"]
"""What has become of a package: `error` is one that has failed or was cancelled, and `skipped` no end."""


OnLocked = Literal["refuse", "ignore"]
"""What becomes of a record that somebody else has locked: an error; or it is left out of the lock."""


class Reference(NamedTuple):
    """A business record: what kind it is, and its key as text."""

    type: str
    key: str

    def __str__(self) -> str:
        """`order:42`."""
        return f"{self.type}:{self.key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Locking:
    """That a package locks the records that it is about, for as long as its job lives.

    Attributes:
        on_locked: what becomes of a record that somebody else has locked.
        over_owner: whose locks it takes over.
        over_job: the running job whose locks it takes over.
    """

    on_locked: OnLocked = "refuse"
    over_owner: str | None = None
    over_job: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPackage:
    """What is stored beside a job to make it a work package.

    Attributes:
        parameters: typed parameters, a JSON object.
        correlation: by which whoever enqueued it, and others, know it again.
        elements: the records that it is about, each once, in order.
        locking: how it locks them, if it does.
        collector: under which name it is found again in its transaction: whatever comes there under the same one is
            added to it.
    """

    parameters: str = "{}"
    correlation: str | None = None
    elements: tuple[Reference, ...] = ()
    locking: Locking | None = None
    collector: str | None = None


@dataclass(frozen=True, slots=True)
class Element:
    """A record that a package is about.

    Attributes:
        position: its place in the package, from 0.
        record: which one it is.
        outcome: what has become of it; None while it is still to be attempted.
        reason: why it failed or was skipped.
    """

    position: int
    record: Reference
    outcome: Outcome | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageRecord:
    """A package as the database knows it.

    Attributes:
        job_id: its job's.
        parameters: typed parameters, a JSON object.
        correlation: by which whoever enqueued it knows it again.
        counts: of its elements, by outcome; under None those that are still to be attempted.
        locks: how many records it has locked, when it was enqueued.
        locks_held: how many of these locks are still its own.
    """

    job_id: int
    parameters: str
    correlation: str | None
    counts: dict[Outcome | None, int]
    locks: int = 0
    locks_held: int = 0


@dataclass(frozen=True, slots=True)
class LockRecord:
    """Who has locked a record.

    Attributes:
        record: which one.
        job_id: the live job that has; None for an owner.
        owner: the name under which an application has locked it; None for a job.
    """

    record: Reference
    job_id: int | None
    owner: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageOutcome:
    """What has become of a package that is known by a correlation id.

    Attributes:
        job_id: its job's.
        task: its task; None where the job is not kept.
        how: `done`; `error` if it has failed or was cancelled; `skipped` if it was skipped, and comes back.
        attempt: in which run, from 1; 0 for one that was cancelled before any, or is not kept.
        at: when; None where the job is not kept.
        reason: why, where something was said: of an error that of the handler, too.
    """

    job_id: int
    task: str | None
    how: How
    attempt: int
    at: datetime | None
    reason: str | None


def check_correlation(id: object) -> str:
    """A correlation id.

    Raises:
        UsageError: it is none.
    """
    if not isinstance(id, str) or not _CORRELATION.fullmatch(id):
        raise UsageError(f"a correlation id has 1 to 200 characters, none of them a control, unlike {id!r}")
    return id


def parsed(text: str) -> Reference:
    """The reference that a person has written: `order:42`.

    Raises:
        ValueError: it has no colon, or nothing before or behind it.
    """
    kind, colon, key = text.partition(":")
    if not (kind and colon and key):
        raise ValueError(f"{text!r} names no record: write its type and its key, as in order:42")
    return Reference(kind, key)
