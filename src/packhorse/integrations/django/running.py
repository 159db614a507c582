"""Run a Django task in a job, and tell Django's signals of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from weakref import WeakKeyDictionary

from packhorse.context import Context
from packhorse.domain.decide import Ack
from packhorse.domain.outcome import UserError, Verdict
from packhorse.domain.state import JobState
from packhorse.integrations.django.application import application
from packhorse.integrations.django.results import error_of, here, settled, status_of
from packhorse.integrations.django.taskapi import (
    TaskContext,
    TaskResult,
    TaskResultStatus,
    normalize_json,
    task_finished,
    task_started,
)
from packhorse.runtime.identity import worker_name

_started: WeakKeyDictionary[Context, Any] = WeakKeyDictionary()
"""What the signals have been told of the runs of this process."""


def run(task: Any, context: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Call the task's function as Django's own backends do; what it returns, as JSON keeps it.

    An `async def` function runs in this thread, on an event loop of its own, so that what it does through
    `sync_to_async` has this thread's connections and transaction.
    """
    result = _started[context] = _running(task, context)
    task_started.send_robust(sender=type(task.get_backend()), task_result=result)
    leading = (TaskContext(task_result=result),) if task.takes_context else ()
    value = task.call(*leading, *args, **kwargs)
    return value if isinstance(value, Verdict | UserError) else normalize_json(value)


def tell_finished(task: Any, context: Context, ack: Ack) -> None:
    """Send `task_finished`, when the job has ended and is not to be tried again."""
    if not ack.state.is_final:
        return
    result = _started.pop(context, None) or _running(task, context)
    if (error := error_of(ack.outcome, ack.error, ack.reason)) is not None:
        result.errors.append(error)
    value = json.loads(ack.result) if ack.result is not None and ack.state is JobState.SUCCEEDED else None
    changed = settled(result, status=status_of(ack.state), finished_at=here(datetime.now(UTC)), _return_value=value)
    task_finished.send_robust(sender=type(task.get_backend()), task_result=changed)


def _running(task: Any, context: Context) -> Any:
    """The result of a run that begins."""
    job, now = context.job, here(datetime.now(UTC))
    before = application().list_attempts(job.id) if job.attempt > 1 else []
    workers = {one.attempt: one.worker or "" for one in before} | {job.attempt: worker_name()}
    errors = [error_of(one.outcome, one, one.reason) for one in before]
    return TaskResult(
        task=task,
        id=str(job.id),
        status=TaskResultStatus.RUNNING,
        enqueued_at=here(job.enqueued_at),
        started_at=here(before[0].started_at) if before else now,
        last_attempted_at=now,
        finished_at=None,
        args=json.loads(job.args),
        kwargs=json.loads(job.kwargs or "{}"),
        backend=task.backend,
        errors=[error for error in errors if error is not None],
        worker_ids=[workers.get(number, "") for number in range(1, job.attempt + 1)],
    )
