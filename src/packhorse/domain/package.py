"""What a work package is made of, as values: references to business records, and what it brings beside the job."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

from packhorse.domain.parameters import MISSING, decode_parameters, read_from
from packhorse.errors import UsageError

_CORRELATION = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,200}")
Outcome = Literal["done", "failed", "skipped"]
"""What has become of an element; None while nothing has."""
DONE: Final[tuple[Outcome | None, ...]] = ("done",)
NOT_DONE: Final[tuple[Outcome | None, ...]] = ("failed", "skipped", None)
OUTCOMES: Final = (*DONE, *NOT_DONE)
"""What an element can have come to, and None."""
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
        parameters_text: typed parameters as they are stored, a JSON object; for engines.
        correlation: by which whoever enqueued it knows it again.
        counts: of its elements, by outcome; under None those that are still to be attempted.
        locks: how many records it has locked, when it was enqueued.
        locks_held: how many of these locks are still its own.
    """

    job_id: int
    parameters_text: str
    correlation: str | None
    counts: dict[Outcome | None, int]
    locks: int = 0
    locks_held: int = 0

    @property
    def parameters(self) -> dict[str, Any]:
        """Its parameters by name, as they are stored: of an enum its code, of an id what that wraps.

        Raises:
            PayloadError: one of them can't be read, as it was written by hand or by a newer version.
        """
        return {name: parameter.value for name, parameter in decode_parameters(self.parameters_text).items()}

    def param(self, name: str, wanted: Any = Any, default: Any = MISSING) -> Any:
        """A parameter, as the type that the reader wants: `app.get_package(7).param("mode", Mode)`.

        Args:
            name: what it is called.
            wanted: a plain type, an enum, an id's class; by default whatever is stored.
            default: what to return when it has none of that name.

        Raises:
            PayloadError: it holds no such value, or one of them can't be read.
            UsageError: it has none of that name, and no default was given.
        """
        return read_from(decode_parameters(self.parameters_text), name, wanted, default, self.job_id)


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
