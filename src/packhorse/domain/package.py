"""What a work package is made of, as values: references to business records, and what it brings beside the job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

Outcome = Literal["done", "failed", "skipped"]
"""What has become of an element; None while nothing has."""


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


def parsed(text: str) -> Reference:
    """The reference that a person has written: `order:42`.

    Raises:
        ValueError: it has no colon, or nothing before or behind it.
    """
    kind, colon, key = text.partition(":")
    if not (kind and colon and key):
        raise ValueError(f"{text!r} names no record: write its type and its key, as in order:42")
    return Reference(kind, key)
