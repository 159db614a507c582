"""Ordinary values of the domain, to be changed in the one field that a test is about."""

from __future__ import annotations

import itertools
import secrets
from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from packhorse.domain.job import ClaimedJob, Lease, NewJob
from packhorse.domain.outcome import ErrorInfo
from packhorse.domain.worker import NewWorker

TASK = "shop.jobs.send_invoice"
LEASE = timedelta(seconds=15)
ERROR = ErrorInfo("ValueError", "no such invoice", "Traceback (most recent call last): …")

_CLAIMED = ClaimedJob(
    id=7,
    task=TASK,
    queue="default",
    priority=5,
    order_at_us=1_767_225_600_000_000,
    args="[42]",
    kwargs=None,
    meta=None,
    own_enqueued_at_us=None,
    attempt=1,
    failures=0,
    skips=0,
    crashes=0,
    max_attempts=None,
    serial_key=None,
    group_key=None,
    lease=Lease(worker=1, number=1),
)


def new_job(**changes: Any) -> NewJob:
    """A job to be stored; `changes` are fields of `NewJob`."""
    return NewJob(**{"task": TASK, "args": "[42]", **changes})


def new_jobs(count: int, **changes: Any) -> list[NewJob]:
    """Jobs that differ only in their argument, 0 to `count` - 1."""
    return [new_job(args=f"[{number}]", **changes) for number in range(count)]


def claimed_job(**changes: Any) -> ClaimedJob:
    """A job in a worker's hands, on its first run; `changes` are fields of `ClaimedJob`."""
    return replace(_CLAIMED, **changes)


def new_worker(**changes: Any) -> NewWorker:
    """A worker that knows `TASK` and serves all queues, with an incarnation of its own."""
    number = secrets.randbelow(2**63 - 1) + 1
    return NewWorker(
        **{"id": number, "name": f"test:{number % 65536}", "queues": [], "tasks": [TASK], "lease": LEASE, **changes}
    )


_numbers = itertools.count(1)


def new_lease(worker: int = 1) -> Lease:
    """A lease that no claim has had before."""
    return Lease(worker, next(_numbers))
