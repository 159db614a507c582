"""Jobs as Django's task results."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Protocol, overload

from django.conf import settings
from django.utils import timezone

from packhorse.domain.job import AttemptRecord, JobRecord
from packhorse.domain.state import JobState
from packhorse.integrations.django.taskapi import TaskError, TaskResult, TaskResultStatus

_STATUS: Mapping[JobState, str] = MappingProxyType(
    {
        JobState.EXECUTING: "RUNNING",
        JobState.SUCCEEDED: "SUCCESSFUL",
        JobState.FAILED: "FAILED",
        JobState.CANCELLED: "FAILED",
    }
)
_OURS = MappingProxyType(
    {"TimeLimit": "packhorse.runtime.run.TimeLimit", "UserError": "packhorse.UserError", "": "packhorse.Fail"}
)
"""Errors without a traceback: nothing of the user's was running. No type at all: a verdict."""


class _WithError(Protocol):
    """A run that has failed, as the history keeps it."""

    @property
    def error_type(self) -> str | None: ...
    @property
    def error_message(self) -> str | None: ...
    @property
    def error_traceback(self) -> str | None: ...


class _Error(Protocol):
    """An error, as an acknowledgement has it."""

    @property
    def type(self) -> str: ...
    @property
    def message(self) -> str: ...
    @property
    def traceback(self) -> str: ...


def result_of(task: Any, alias: str, job: JobRecord, attempts: Sequence[AttemptRecord]) -> Any:
    """The job as a task's result.

    Args:
        task: the task, with the options of this job.
        alias: the backend's.
        job: the job as it is now.
        attempts: its runs that did not succeed.
    """
    errors = [error_of(one.outcome, one, one.reason) for one in attempts]
    result = TaskResult(
        task=task,
        id=str(job.id),
        status=status_of(job.state),
        enqueued_at=here(job.enqueued_at),
        started_at=here(attempts[0].started_at if attempts else job.started_at),
        last_attempted_at=here(job.started_at),
        finished_at=here(job.finished_at),
        args=json.loads(job.args),
        kwargs=json.loads(job.kwargs or "{}"),
        backend=alias,
        errors=[error for error in errors if error is not None],
        worker_ids=_workers(job, attempts),
    )
    return settled(result, _return_value=None if job.result is None else json.loads(job.result))


def settled(result: Any, **values: Any) -> Any:
    """The same result with other values: it is frozen, and `refresh` changes it in this way, too."""
    for name, value in values.items():
        object.__setattr__(result, name, value)
    return result


def status_of(state: JobState) -> Any:
    """What Django calls it; a job that waits for its next attempt is ready, and a cancelled one has failed."""
    return TaskResultStatus(_STATUS.get(state, "READY"))


def error_of(outcome: str, error: _WithError | _Error | None, reason: str | None) -> Any:
    """The error of a run that failed; None of one that was skipped, cancelled or lost with its worker."""
    kind, message, traceback = _told(error)
    if not kind and outcome not in ("fail", "retry"):
        return None
    path = _path(kind, traceback)
    return TaskError(exception_class_path=path, traceback=traceback or message or reason or path)


@overload
def here(moment: datetime) -> datetime: ...
@overload
def here(moment: None) -> None: ...
@overload
def here(moment: datetime | None) -> datetime | None: ...
def here(moment: datetime | None) -> datetime | None:
    """The moment as Django's settings have it: aware with USE_TZ, else in the time zone of the settings."""
    if moment is None or settings.USE_TZ:
        return moment
    naive: datetime = timezone.make_naive(moment, timezone.get_default_timezone())
    return naive


def _told(error: _WithError | _Error | None) -> tuple[str, str, str]:
    if error is None:
        return "", "", ""
    words = (
        ("error_type", "error_message", "error_traceback")
        if hasattr(error, "error_type")
        else (
            "type",
            "message",
            "traceback",
        )
    )
    kind, message, traceback = (getattr(error, word) or "" for word in words)
    return kind, message, traceback


def _path(kind: str, traceback: str) -> str:
    """Where the exception's class is: a traceback names it in front of the message, without a module for builtins."""
    if not traceback:
        return _OURS.get(kind, f"builtins.{kind}")
    named = re.findall(rf"^[ |]*((?:[\w<>]+\.)*{re.escape(kind)})(?::|$)", traceback, re.MULTILINE)
    found = str(named[-1]) if named else kind
    return found if "." in found else f"builtins.{found}"


def _workers(job: JobRecord, attempts: Sequence[AttemptRecord]) -> list[str]:
    workers = {one.attempt: one.worker or "" for one in attempts}
    if job.state in (JobState.EXECUTING, JobState.SUCCEEDED):
        workers[job.attempt] = job.worker or ""
    return [workers.get(number, "") for number in range(1, job.attempt + 1)]
