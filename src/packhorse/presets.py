"""The rules that hold for a task which says nothing else, by name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Literal, NamedTuple

from packhorse.domain.retry import Backoff, RetryPolicy

PolicyName = Literal["task", "work_package", "deferred", "queue_table"]
"""A set of rules with a name; see `PRESETS`."""


class Preset(NamedTuple):
    """The rules that hold where a task says nothing else."""

    policy: RetryPolicy
    atomic: bool


PRESETS: Mapping[PolicyName, Preset] = MappingProxyType(
    {
        "task": Preset(RetryPolicy(), atomic=False),
        "work_package": Preset(
            RetryPolicy(max_attempts=1, backoff=Backoff(first=timedelta(seconds=5), jitter=0)), atomic=True
        ),
        "deferred": Preset(
            RetryPolicy(
                max_attempts=1,
                reruns=5,
                conflicts=Backoff(first=timedelta(seconds=5), longest=timedelta(minutes=30), jitter=1),
            ),
            atomic=True,
        ),
        "queue_table": Preset(RetryPolicy(), atomic=True),
    }
)
"""`task`: five attempts, growing pauses. `work_package`: atomic, and any failure is for a person; a conflict waits 5 s.

`deferred`: the same as that, but a conflict is run again in place, five times, and then after a random time of up to
twice the time before, and an hour at most; the rules of Tryton's queue. `queue_table`: atomic, five attempts, growing
pauses; then the row leaves its table for the quarantine.
"""
