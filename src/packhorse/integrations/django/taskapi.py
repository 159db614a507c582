"""The task API that is there: Django's own, `django.tasks`, or for Django before 6.0 the backport, `django_tasks`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from packhorse.integrations.django.bases import Untyped

    class BaseTaskBackend(Untyped):
        """`django.tasks.backends.base.BaseTaskBackend`."""

        alias: str
        queues: set[str]
        options: Any

        def validate_task(self, task: Any) -> None:
            """Whether the task can be run by the backend."""

    InvalidTask: type[Exception]
    TaskResultDoesNotExist: type[Exception]
    TaskContext: Any
    TaskError: Any
    TaskResult: Any
    TaskResultStatus: Any
    TASK_MIN_PRIORITY: int
    TASK_MAX_PRIORITY: int
    task_enqueued: Any
    task_started: Any
    task_finished: Any

    def normalize_json(value: Any) -> Any:
        """Lists for tuples and the like; refuses what JSON can't carry."""

else:
    import django

    if django.VERSION >= (6, 0):
        from django.tasks import TaskContext, TaskResult, TaskResultStatus
        from django.tasks.backends.base import BaseTaskBackend
        from django.tasks.base import TASK_MAX_PRIORITY, TASK_MIN_PRIORITY, TaskError
        from django.tasks.exceptions import InvalidTask, TaskResultDoesNotExist
        from django.tasks.signals import task_enqueued, task_finished, task_started
        from django.utils.json import normalize_json
    else:
        from django_tasks import TaskContext, TaskResult, TaskResultStatus
        from django_tasks.backends.base import BaseTaskBackend
        from django_tasks.base import TASK_MAX_PRIORITY, TASK_MIN_PRIORITY, TaskError
        from django_tasks.exceptions import InvalidTaskError as InvalidTask
        from django_tasks.exceptions import TaskResultDoesNotExist
        from django_tasks.signals import task_enqueued, task_finished, task_started
        from django_tasks.utils import normalize_json

__all__ = [
    "TASK_MAX_PRIORITY",
    "TASK_MIN_PRIORITY",
    "BaseTaskBackend",
    "InvalidTask",
    "TaskContext",
    "TaskError",
    "TaskResult",
    "TaskResultDoesNotExist",
    "TaskResultStatus",
    "normalize_json",
    "task_enqueued",
    "task_finished",
    "task_started",
]
