"""The states of a job and which may follow which."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class JobState(StrEnum):
    """Where a job is in its life."""

    BLOCKED = "blocked"
    """Waits for something other than time: a worker that knows its task, a hold. `reason` says what."""
    SCHEDULED = "scheduled"
    """Not due yet, or waiting for its next attempt."""
    AVAILABLE = "available"
    """Due: the next worker with a free slot takes it."""
    EXECUTING = "executing"
    """Claimed by a worker under a lease."""
    SUCCEEDED = "succeeded"
    """Final: the handler returned."""
    FAILED = "failed"
    """Final until a person decides: the attempts are used up, or the handler said that trying again is useless."""
    CANCELLED = "cancelled"
    """Final: a person or the handler withdrew it."""

    @property
    def is_final(self) -> bool:
        """Whether nothing happens to the job any more by itself."""
        return self in FINAL


FINAL = frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED})
LIVE = frozenset(JobState) - FINAL
INITIAL = frozenset({JobState.BLOCKED, JobState.SCHEDULED, JobState.AVAILABLE})

TRANSITIONS: Mapping[JobState, frozenset[JobState]] = MappingProxyType(
    {
        JobState.BLOCKED: frozenset({JobState.SCHEDULED, JobState.AVAILABLE, JobState.CANCELLED}),
        JobState.SCHEDULED: frozenset({JobState.AVAILABLE, JobState.BLOCKED, JobState.CANCELLED}),
        JobState.AVAILABLE: frozenset({JobState.EXECUTING, JobState.BLOCKED, JobState.CANCELLED}),
        JobState.EXECUTING: frozenset(JobState) - {JobState.EXECUTING},
        JobState.SUCCEEDED: frozenset(),
        JobState.FAILED: frozenset({JobState.AVAILABLE, JobState.BLOCKED}),
        JobState.CANCELLED: frozenset({JobState.AVAILABLE, JobState.BLOCKED}),
    }
)
"""From each state, the states that may follow."""
