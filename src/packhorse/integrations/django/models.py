"""The product's own tables as models, to be read: for admin pages and reports. Django neither makes nor changes them.

What they hold may change with any version; programs use the methods of `Packhorse`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import models

from packhorse.integrations.django.bases import Model
from packhorse.integrations.django.tables import Moment, Rows, table

STATES = [(state, state) for state in ("available", "executing", "scheduled", "blocked")]
ENDS = [(state, state) for state in ("succeeded", "failed", "cancelled")]


def _text(*, optional: bool = False, **options: Any) -> Any:
    return models.TextField(null=optional, blank=optional, **options)


def _moment(*, optional: bool = False, **options: Any) -> Any:
    return Moment(null=optional, blank=optional, **options)


class Job(Model):
    """A job that waits or runs."""

    id: Any = models.BigIntegerField(primary_key=True)
    task: Any = _text()
    queue: Any = _text()
    state: Any = _text(choices=STATES)
    priority: Any = models.SmallIntegerField()
    enqueued_at: Any = _moment()
    scheduled_at: Any = _moment(optional=True)
    expected_at: Any = _moment(optional=True)
    started_at: Any = _moment(optional=True)
    args: Any = _text()
    kwargs: Any = _text(optional=True)
    meta: Any = _text(optional=True)
    max_attempts: Any = models.IntegerField(null=True)
    attempt: Any = models.IntegerField()
    failures: Any = models.IntegerField()
    skips: Any = models.IntegerField()
    crashes: Any = models.IntegerField()
    waits_for: Any = _text(optional=True)
    reason: Any = _text(optional=True)
    unique_key: Any = _text(optional=True)
    serial_key: Any = _text(optional=True)
    group_key: Any = _text(optional=True)
    responsible: Any = _text(optional=True)
    error_type: Any = _text(optional=True)
    error_message: Any = _text(optional=True)
    error_traceback: Any = _text(optional=True)

    objects: Any = Rows()

    class Meta:
        """Only to be read."""

        managed = False
        db_table: str = table("job")
        default_permissions: Sequence[str] = ("view",)
        verbose_name = "live job"

    def __str__(self) -> str:
        return f"{self.id}: {self.task}"


class Finished(Model):
    """A job that has ended."""

    id: Any = models.BigIntegerField(primary_key=True)
    task: Any = _text()
    queue: Any = _text()
    state: Any = _text(choices=ENDS)
    priority: Any = models.SmallIntegerField()
    enqueued_at: Any = _moment()
    scheduled_at: Any = _moment(optional=True)
    expected_at: Any = _moment(optional=True)
    started_at: Any = _moment(optional=True)
    finished_at: Any = _moment()
    args: Any = _text()
    kwargs: Any = _text(optional=True)
    meta: Any = _text(optional=True)
    max_attempts: Any = models.IntegerField(null=True)
    attempt: Any = models.IntegerField()
    failures: Any = models.IntegerField()
    skips: Any = models.IntegerField()
    crashes: Any = models.IntegerField()
    unique_key: Any = _text(optional=True)
    serial_key: Any = _text(optional=True)
    group_key: Any = _text(optional=True)
    responsible: Any = _text(optional=True)
    worker: Any = _text(optional=True)
    reason: Any = _text(optional=True)
    result: Any = _text(optional=True)
    error_type: Any = _text(optional=True)
    error_message: Any = _text(optional=True)
    error_traceback: Any = _text(optional=True)
    taken_at: Any = _moment(optional=True)
    taken_by: Any = _text(optional=True)
    dismissed_at: Any = _moment(optional=True)
    dismissed_by: Any = _text(optional=True)
    dismissal: Any = _text(optional=True)

    objects: Any = Rows()

    class Meta:
        """Only to be read."""

        managed = False
        db_table: str = table("finished")
        default_permissions: Sequence[str] = ("view",)
        verbose_name = "finished job"

    def __str__(self) -> str:
        return f"{self.id}: {self.task}"


class Inbox(Finished):
    """A failed job that waits for a person."""

    class Meta:  # pyright: ignore[reportIncompatibleVariableOverride]  # Django's way
        """The same rows."""

        proxy = True
        default_permissions: Sequence[str] = ("view",)
        verbose_name = "failed job in the inbox"
        verbose_name_plural = "inbox"


class Queue(Model):
    """A queue that has settings of its own; one without has no row."""

    name: Any = _text(primary_key=True)
    declared: Any = _text()
    changed: Any = _text()
    paused_at: Any = _moment(optional=True)
    paused_by: Any = _text(optional=True)
    paused_reason: Any = _text(optional=True)

    objects: Any = Rows()

    class Meta:
        """Only to be read."""

        managed = False
        db_table: str = table("queue")
        default_permissions: Sequence[str] = ("view",)

    def __str__(self) -> str:
        return str(self.name)


class Worker(Model):
    """A worker process."""

    id: Any = models.BigIntegerField(primary_key=True)
    name: Any = _text()
    queues: Any = _text()
    started_at: Any = _moment()
    expires_at: Any = _moment()

    objects: Any = Rows()

    class Meta:
        """Only to be read."""

        managed = False
        db_table: str = table("worker")
        default_permissions: Sequence[str] = ("view",)

    def __str__(self) -> str:
        return str(self.name)


class Schedule(Model):
    """What runs again and again."""

    name: Any = _text(primary_key=True)
    rule: Any = _text()
    job: Any = _text()
    policy: Any = _text()
    is_declared: Any = models.BooleanField()
    owner: Any = _text(optional=True)
    changed_at: Any = _moment()
    changed_by: Any = _text(optional=True)
    next_at: Any = _moment(optional=True)
    missed_at: Any = _moment(optional=True)
    undeclared_at: Any = _moment(optional=True)
    paused_at: Any = _moment(optional=True)
    paused_by: Any = _text(optional=True)
    pause_reason: Any = _text(optional=True)

    objects: Any = Rows()

    class Meta:
        """Only to be read."""

        managed = False
        db_table: str = table("schedule")
        default_permissions: Sequence[str] = ("view",)

    def __str__(self) -> str:
        return str(self.name)


class Batch(Model):
    """Jobs that belong together."""

    id: Any = models.BigIntegerField(primary_key=True)
    name: Any = _text()
    type: Any = _text(optional=True)
    parent_id: Any = models.BigIntegerField(null=True)
    expected: Any = models.IntegerField(null=True)
    created_at: Any = _moment()
    first_enqueued_at: Any = _moment(optional=True)
    last_enqueued_at: Any = _moment(optional=True)
    last_processed_at: Any = _moment(optional=True)
    enqueued: Any = models.IntegerField()
    succeeded: Any = models.IntegerField()
    failed: Any = models.IntegerField()
    cancelled: Any = models.IntegerField()
    closed_at: Any = _moment(optional=True)
    ended_at: Any = _moment(optional=True)
    forgotten_at: Any = _moment(optional=True)

    objects: Any = Rows()

    class Meta:
        """Only to be read."""

        managed = False
        db_table: str = table("batch")
        default_permissions: Sequence[str] = ("view",)
        verbose_name_plural = "batches"

    def __str__(self) -> str:
        return f"{self.id}: {self.name}"


MIRRORS = (Job, Finished, Inbox, Queue, Worker, Schedule, Batch)
