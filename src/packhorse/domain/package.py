"""What a work package is made of, as values: references to business records, and what it brings beside the job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

Outcome = Literal["done", "failed", "skipped"]
"""What has become of an element; None while nothing has."""


class Reference(NamedTuple):
    """A business record: what kind it is, and its key as text."""

    type: str
    key: str

    def __str__(self) -> str:
        """`order:42`."""
        return f"{self.type}:{self.key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPackage:
    """What is stored beside a job to make it a work package.

    Attributes:
        parameters: typed parameters, a JSON object.
        correlation: by which whoever enqueued it, and others, know it again.
        elements: the records that it is about, each once, in order.
    """

    parameters: str = "{}"
    correlation: str | None = None
    elements: tuple[Reference, ...] = ()


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
    """

    job_id: int
    parameters: str
    correlation: str | None
    counts: dict[Outcome | None, int]


def parsed(text: str) -> Reference:
    """The reference that a person has written: `order:42`.

    Raises:
        ValueError: it has no colon, or nothing before or behind it.
    """
    kind, colon, key = text.partition(":")
    if not (kind and colon and key):
        raise ValueError(f"{text!r} names no record: write its type and its key, as in order:42")
    return Reference(kind, key)
