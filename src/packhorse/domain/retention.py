"""How long finished jobs are kept where their queue does not say it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType

from packhorse.domain.state import JobState

KEPT_FOR: Mapping[JobState, timedelta] = MappingProxyType(
    {
        JobState.SUCCEEDED: timedelta(days=7),
        JobState.CANCELLED: timedelta(days=7),
        JobState.FAILED: timedelta(days=30),
    }
)
"""From the end of a job that succeeded or was cancelled; from the dismissal of one that failed, never before it."""
