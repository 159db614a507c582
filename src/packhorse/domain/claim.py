"""What a worker asks for when it claims."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from packhorse.domain.job import ClaimedJob, Lease


class Place(NamedTuple):
    """A place in the order of a queue: between the job that has this key and the next one."""

    priority: int
    order_at_us: int
    id: int

    @classmethod
    def of(cls, job: ClaimedJob) -> Place:
        """The place behind a job."""
        return cls(job.priority, job.order_at_us, job.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a worker asks for."""

    lease: Lease
    """A new one for every claim."""
    queue: str
    limit: int
    """At most this many, 1 or more."""
    other_tasks: frozenset[str] = frozenset()
    """Tasks to leave alone: those that only other workers know, and those that there is no room for here."""
    suspects: bool = False
    """True: only jobs whose worker died (`crashes` > 0). False: only the others."""
    after: Place | None = None
    """Only jobs behind this place: dead rows in front of it are not walked again."""
    above: int | None = None
    """Only jobs that are more urgent than this priority."""
    limited: bool = False
    """True: only as many as the limit and the rate of the queue's record leave room for."""
    aging: bool = False
    """True: in the order of `packhorse.domain.order.aged`; then there is no `after` and no `above`."""
