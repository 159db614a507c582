"""Jobs in a worker's hands, for tests that need one."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from packhorse.domain.job import ClaimedJob, Lease

_JOB = ClaimedJob(
    id=1,
    task="task",
    queue="default",
    priority=5,
    order_at=datetime(2026, 1, 1, tzinfo=UTC),
    args="[]",
    kwargs=None,
    meta=None,
    enqueued_at=datetime(2026, 1, 1, tzinfo=UTC),
    attempt=1,
    failures=0,
    skips=0,
    crashes=0,
    max_attempts=None,
    lease=Lease(1, 1),
)


def claimed_job(**changes: Any) -> ClaimedJob:
    """A job, with these fields."""
    return replace(_JOB, **changes)
