"""Telling the responsible person of a failure: `@app.on_failure`.

The acknowledgement that records the failure of a job with a responsible person enqueues a job of the task `NOTICE` in
the same transaction. So there is one notice for each failure, it exists if and only if the failure does, a worker that
dies loses none, and a hook that fails is tried again as any task is. The task is atomic: what the hook writes through
the job's transaction, or enqueues, happens exactly once.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from packhorse.context import Context
from packhorse.domain.frames import calls_handlers
from packhorse.domain.job import JobRecord
from packhorse.domain.outcome import Cancel
from packhorse.domain.state import JobState
from packhorse.errors import ConfigurationError
from packhorse.inbox import NOTICE
from packhorse.options import task_options
from packhorse.task import Enqueuer, Task

Find = Callable[[int], JobRecord | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What a person is to be told: a job has failed.

    Attributes:
        job: the job, with its error.
        responsible: the person of the job, else of its task.
    """

    job: JobRecord
    responsible: str


def notice_task(hook: Callable[[Notice], Any], find: Find, enqueuer: Enqueuer) -> Task[..., Any]:
    """The task that calls the hook.

    Raises:
        ConfigurationError: the hook can't be called with a notice.
    """
    _check(hook)
    handler = _for_coroutines(hook, find) if inspect.iscoroutinefunction(hook) else _for_functions(hook, find)
    return Task(handler, task_options(handler, name=NOTICE, atomic=True, keep_result=False), enqueuer)


def _for_functions(hook: Callable[[Notice], Any], find: Find) -> Callable[..., Any]:
    @calls_handlers
    def tell(ctx: Context, job_id: int, responsible: str) -> Any:
        return hook(_notice(find(job_id), responsible))

    return tell


def _for_coroutines(hook: Callable[[Notice], Any], find: Find) -> Callable[..., Any]:
    @calls_handlers
    async def tell(ctx: Context, job_id: int, responsible: str) -> Any:
        return await hook(_notice(find(job_id), responsible))

    return tell


def _notice(job: JobRecord | None, responsible: str) -> Notice:
    if job is None or job.state is not JobState.FAILED:
        raise Cancel("nobody need be told: the failure was solved or deleted meanwhile")
    return Notice(job=job, responsible=responsible)


def _check(hook: Callable[..., Any]) -> None:
    try:
        inspect.signature(hook).bind(object())
    except (TypeError, ValueError):
        name = getattr(hook, "__qualname__", repr(hook))
        raise ConfigurationError(f"on_failure takes a function of one argument, the notice; {name} is none") from None
