"""The backend of Django's task API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.apps import apps
from django.core import checks
from django.utils import timezone

from packhorse.domain.job import AttemptRecord, JobRecord
from packhorse.errors import ConfigurationError, DuplicateTask
from packhorse.integrations.django.application import OURS, application
from packhorse.integrations.django.configuration import Configuration
from packhorse.integrations.django.declaring import declare, django_task_of, our_priority, their_priority
from packhorse.integrations.django.inside import is_open, opened
from packhorse.integrations.django.results import here, result_of
from packhorse.integrations.django.taskapi import (
    BaseTaskBackend,
    InvalidTask,
    TaskResult,
    TaskResultDoesNotExist,
    TaskResultStatus,
    normalize_json,
    task_enqueued,
)
from packhorse.integrations.django.taskoptions import NAMES, check_names
from packhorse.options import check_queue, task_options

LARGEST_ID = 2**63 - 1


class PackhorseBackend(BaseTaskBackend):
    """Django's tasks as jobs of Packhorse.

        INSTALLED_APPS = [..., "packhorse.integrations.django"]
        TASKS = {"default": {"BACKEND": "packhorse.integrations.django.PackhorseBackend"}}

    The job is stored by an INSERT on Django's connection, in the `atomic` block that is open there. QUEUES are the
    names that `queue_name` may have, any for an empty list. OPTIONS are those of `packhorse_options`, for all tasks.
    """

    supports_defer = True
    supports_async_task = True
    supports_get_result = True
    supports_priority = True

    def validate_task(self, task: Any) -> None:
        """Whether the task can be run; the first time, it becomes known to the application and so to its workers.

        Raises:
            django.tasks.exceptions.InvalidTask: it can't.
        """
        super().validate_task(task)
        try:
            check_queue(task.queue_name)
            declare(task, self.options)
        except (ConfigurationError, DuplicateTask) as error:
            raise InvalidTask(str(error)) from error

    def enqueue(self, task: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Store the task as a job, in Django's open transaction, and send `task_enqueued`.

        Where the settings' WORKER is `inline` or `immediate`, the result is that of the run, if it has run.

        Raises:
            TypeError, ValueError: an argument is no JSON.
            packhorse.errors.DatabaseError: the database can't store it.
        """
        self.validate_task(task)
        bound = declare(task, self.options).using(
            conn=Configuration.read().database,
            queue=task.queue_name,
            priority=our_priority(task.priority),
            scheduled_at=_aware(task.run_after),
        )
        handle = bound.enqueue(*normalize_json(args), **normalize_json(kwargs))
        result = self._new(task, str(handle.id), args, kwargs)
        task_enqueued.send_robust(sender=type(self), task_result=result)
        return result if application().settings.worker == "processes" else self._after_its_run(result)

    def get_result(self, result_id: str) -> Any:
        """The result of the task whose job has that id.

        Raises:
            django.tasks.exceptions.TaskResultDoesNotExist: there is no such job, it was pruned, or it is no Django
                task's.
        """
        if not (result_id.isascii() and result_id.isdigit() and int(result_id) <= LARGEST_ID):
            raise TaskResultDoesNotExist(result_id)
        return self._result(int(result_id))

    def check(self, **kwargs: Any) -> Iterator[Any]:
        """For `manage.py check`: the settings of this backend; no database is asked."""
        place = f"TASKS[{self.alias!r}]"
        if not apps.is_installed(OURS):
            yield checks.Error(f"{place} needs {OURS!r} in INSTALLED_APPS", hint="add it", id="packhorse.E011")
        for part, problem in (*self._wrong_options(), *self._wrong_queues()):
            yield checks.Error(f"{place}[{part!r}]: {problem}", id="packhorse.E012")

    def _wrong_options(self) -> Iterator[tuple[str, str]]:
        try:
            check_names(self.options, NAMES)
            task_options(_anything, **self.options)
        except ConfigurationError as error:
            yield "OPTIONS", str(error)

    def _wrong_queues(self) -> Iterator[tuple[str, str]]:
        for queue in sorted(self.queues, key=repr):
            try:
                check_queue(queue)
            except ConfigurationError as error:
                yield "QUEUES", str(error)

    def _new(self, task: Any, id: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        return TaskResult(
            task=task,
            id=id,
            status=TaskResultStatus.READY,
            enqueued_at=timezone.now(),
            started_at=None,
            last_attempted_at=None,
            finished_at=None,
            args=args,
            kwargs=kwargs,
            backend=self.alias,
            errors=[],
            worker_ids=[],
        )

    def _after_its_run(self, result: Any) -> Any:
        """What has become of it by now; as it was enqueued, where its queue keeps nothing of what has succeeded."""
        try:
            return self.get_result(result.id)
        except TaskResultDoesNotExist:
            return result

    def _result(self, id: int) -> Any:
        job, attempts = _read(id)
        if job is None:
            raise TaskResultDoesNotExist(id)
        declared = _declared(job.task)
        if declared is None:
            raise TaskResultDoesNotExist(f"job {id} is no Django task's that is known here: {job.task}")
        return result_of(self._as_enqueued(declared, job), self.alias, job, attempts)

    def _as_enqueued(self, declared: Any, job: JobRecord) -> Any:
        """The task with the options of a job; as declared, where this backend would not take them any more."""
        options = {"queue_name": job.queue, "priority": their_priority(job.priority), "backend": self.alias}
        try:
            return replace(declared, run_after=here(job.scheduled_at), **options)
        except InvalidTask:
            return declared


def _read(id: int) -> tuple[JobRecord | None, Sequence[AttemptRecord]]:
    """The job and its failed runs; on Django's connection while a transaction is open there, which may have made it."""
    app = application()
    address = app.settings.database_url or ""
    inside: Any = opened(address, app.settings.schema) if is_open(address) else nullcontext(app)
    with inside as place:
        job = place.find_job(id)
        return job, place.list_attempts(id) if job is not None and job.attempt else ()


def _declared(name: str) -> Any:
    """The Django task of that name; the modules of tasks are imported where it is not known yet."""
    app = application()
    if app.registry.find(name) is None:
        app.modules.load()
    return django_task_of(app.registry.find(name))


def _aware(moment: datetime | None) -> datetime | None:
    """Without USE_TZ, Django's moments are those of the settings' time zone."""
    return moment if moment is None or timezone.is_aware(moment) else timezone.make_aware(moment)


def _anything() -> None:
    """A function to try options on."""
