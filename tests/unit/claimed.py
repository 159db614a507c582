"""Jobs in a worker's hands, for tests that need one."""

from typing import Any

from msgspec.structs import replace

from packhorse.domain.job import ClaimedJob, Lease

_JOB = ClaimedJob(
    id=1,
    task="task",
    queue="default",
    priority=5,
    order_at_us=1_767_225_600_000_000,
    args="[]",
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
    lease=Lease(1, 1),
)


def claimed_job(**changes: Any) -> ClaimedJob:
    """A job, with these fields."""
    return replace(_JOB, **changes)
