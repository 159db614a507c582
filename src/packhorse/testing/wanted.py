"""Which jobs an assertion means."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from packhorse.domain.order import priority_number
from packhorse.errors import SignatureError, UsageError
from packhorse.options import check_duration, check_moment, check_queue
from packhorse.task import Task, TaskRegistry
from packhorse.testing.seen import SeenJob, shown_call

__tracebackhide__ = True  # pytest shows the line of the test, not ours

Arguments = Mapping[str, Any] | tuple[tuple[Any, ...], Mapping[str, Any]]
"""Arguments to be compared: by the name of their parameter where the signature is known, else as they were given."""


SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What else is asked of a job; None leaves a field open."""

    queue: str | None = None
    priority: int | str | None = None
    delay: timedelta | None = None
    scheduled_at: datetime | None = None
    within: timedelta | None = None
    """How far its time may be from the one that is asked for; a second."""
    count: int | None = None
    """How many such jobs there are to be; at least one."""

    def __post_init__(self) -> None:
        if self.queue is not None:
            check_queue(self.queue)
        if self.priority is not None:
            priority_number(self.priority)
        if self.delay is not None:
            check_duration("delay", self.delay)
        if self.scheduled_at is not None:
            check_moment("scheduled_at", self.scheduled_at)
        if self.within is not None:
            check_duration("within", self.within)

    @property
    def given(self) -> Mapping[str, object]:
        """Those that are not open."""
        return {one.name: value for one in fields(self) if (value := getattr(self, one.name)) is not None}

    def is_near(self, off_by: timedelta) -> bool:
        """Whether a job's time is as good as the one that is asked for."""
        return abs(off_by) <= (SECOND if self.within is None else self.within)


class Wanted:
    """Jobs of one task, perhaps with certain arguments and options.

    Args:
        task: the task or its name.
        args: the positional arguments; no arguments at all means any.
        kwargs: the arguments by keyword.
        options: what else is asked.
        registry: the application's tasks.

    Raises:
        SignatureError: the task can't be called with these arguments.
        UsageError: an option has the name of one of the task's parameters, or that is no task of the application.
    """

    def __init__(
        self,
        task: Task[..., Any] | str,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        options: Options,
        registry: TaskRegistry,
    ) -> None:
        name = name_of(task, registry)
        self._task = registry.find(task) if isinstance(task, str) else task
        self._names = {name} if self._task is None else {self._task.name, *self._task.aliases}
        self._options = options
        self._call = shown_call(name, args, kwargs) if args or kwargs else name
        self._refuse_ambiguous(name)
        self._arguments = self._arguments_of(args, kwargs) if args or kwargs else None

    def is_met_by(self, job: SeenJob) -> bool:
        """Whether it is one of the jobs that are meant."""
        return job.task in self._names and self._has_arguments(job) and self._has_options(job)

    def __str__(self) -> str:
        options = {name: value for name, value in self._options.given.items() if name != "count"}
        return ", ".join([self._call, *(f"{name} {_shown(value)}" for name, value in options.items())])

    def _has_arguments(self, job: SeenJob) -> bool:
        if self._arguments is None:
            return True
        try:
            return self._arguments_of(job.args, job.kwargs) == self._arguments
        except SignatureError:
            return False

    def _has_options(self, job: SeenJob) -> bool:
        wanted = self._options
        return (
            wanted.queue in (None, job.queue)
            and (wanted.priority is None or priority_number(wanted.priority) == job.record.priority)
            and (wanted.delay is None or wanted.is_near(job.delay - wanted.delay))
            and (wanted.scheduled_at is None or wanted.is_near(job.due_at - wanted.scheduled_at))
        )

    def _arguments_of(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Arguments:
        """The arguments as the function gets them, however they are passed."""
        if self._task is None:
            return args, kwargs
        context = (None,) if self._task.signature.takes_context else ()
        try:
            bound = inspect.signature(self._task.function).bind(*context, *args, **kwargs)
        except TypeError as error:
            raise SignatureError(f"{self._task.signature}: {error}") from None
        bound.apply_defaults()
        return dict(bound.arguments)

    def _refuse_ambiguous(self, name: str) -> None:
        if self._task is None:
            return
        if both := self._options.given.keys() & inspect.signature(self._task.function).parameters.keys():
            raise UsageError(
                f"{name} has a parameter {min(both)} of its own, so {min(both)}=… could mean that or the job's: "
                "give the argument by position, or look through packhorse_kit.jobs()"
            )


def name_of(task: object, registry: TaskRegistry) -> str:
    """The name of a task, or the name itself.

    Raises:
        UsageError: it is neither, or the task is another application's, whose jobs nobody sees here.
    """
    if isinstance(task, str):
        return task
    if not isinstance(task, Task):
        raise UsageError(f"a task or its name is wanted, not {task!r}; options go by keyword: queue='slow'")
    if registry.find(task.name) is not task:
        raise UsageError(
            f"task {task.name} belongs to another application than this kit, and is enqueued in its database: "
            "let the fixture packhorse_app return that one"
        )
    return task.name


def _shown(value: object) -> str:
    return f"{value:%Y-%m-%d %H:%M:%S %Z}" if isinstance(value, datetime) else str(value)
