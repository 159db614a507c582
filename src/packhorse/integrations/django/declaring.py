"""Django's tasks as tasks of Packhorse: registered where they are declared; no name in a job is imported."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from packhorse.context import Context
from packhorse.domain.order import DEFAULT_PRIORITY
from packhorse.errors import ConfigurationError
from packhorse.integrations.django.application import application
from packhorse.integrations.django.running import run
from packhorse.integrations.django.taskapi import TASK_MAX_PRIORITY, TASK_MIN_PRIORITY
from packhorse.integrations.django.taskoptions import NAMES, check_names, options_on
from packhorse.task import Task

MARK = "django_task"


def declare(task: Any, options: Mapping[str, Any]) -> Task[..., Any]:
    """The task of Packhorse that runs a Django task; registered, at its first declaration.

    Args:
        task: a `django.tasks.Task`, as declared, or as `using` has made it.
        options: those of its backend.

    Raises:
        ConfigurationError: an option is wrong.
        DuplicateTask: another function has its name.
    """
    app = application()
    known = app.registry.find(task.module_path)
    found = django_task_of(known)
    if known is not None and found is not None and found.func is task.func:
        return known
    check_names(options, NAMES)
    given = {**options, **options_on(task.func)}
    make = app.task(name=task.module_path, queue=task.queue_name, priority=our_priority(task.priority), **given)
    return make(_handler(task))


def packhorse_task(task: Any) -> Task[..., Any]:
    """What runs a Django task, for all that Django's own API has no words for.

        application().cron("0 9 * * mon-fri", tz="Europe/Berlin")(packhorse_task(remind))
        packhorse_task(remind).using(unique_key="order 7", on_duplicate="keep").enqueue(7)

    Args:
        task: a Django task of the backend of Packhorse.

    Raises:
        ConfigurationError: it is none.
    """
    found = application().registry.find(getattr(task, "module_path", ""))
    if found is None or django_task_of(found) is None:
        raise ConfigurationError(f"{task!r} is no Django task that was declared for Packhorse's backend")
    return found


def django_task_of(task: Task[..., Any] | None) -> Any:
    """The Django task that such a task runs; None for any other."""
    return None if task is None else getattr(task.function, MARK, None)


def our_priority(theirs: int) -> int:
    """Large is urgent there, small here; 0 there is medium here, so that tasks and other jobs stand side by side."""
    return DEFAULT_PRIORITY - int(theirs)


def their_priority(ours: int) -> int:
    """The way back; the nearest that Django has, for a job to which an operator gave another one."""
    return max(TASK_MIN_PRIORITY, min(TASK_MAX_PRIORITY, DEFAULT_PRIORITY - ours))


def _handler(task: Any) -> Callable[..., Any]:
    def handler(ctx: Context, /, *args: Any, **kwargs: Any) -> Any:
        return run(task, ctx, args, kwargs)

    handler.__module__ = task.func.__module__
    handler.__qualname__ = task.func.__qualname__
    handler.__doc__ = task.func.__doc__
    setattr(handler, MARK, task)
    return handler
