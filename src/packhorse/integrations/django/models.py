"""The product's own tables as models, to be read: for admin pages and reports. Django neither makes nor changes them.

What they hold may change with any version; programs use the methods of `Packhorse`.
"""

from __future__ import annotations

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

    id = models.BigIntegerField(primary_key=True)
    task = _text()
    queue = _text()
    state = _text(choices=STATES)
    priority = models.SmallIntegerField()
    enqueued_at = _moment()
    scheduled_at = _moment(optional=True)
    expected_at = _moment(optional=True)
    started_at = _moment(optional=True)
    args = _text()
    kwargs = _text(optional=True)
    meta = _text(optional=True)
    max_attempts = models.IntegerField(null=True)
    attempt = models.IntegerField()
    failures = models.IntegerField()
    skips = models.IntegerField()
    crashes = models.IntegerField()
    waits_for = _text(optional=True)
    reason = _text(optional=True)
    unique_key = _text(optional=True)
    serial_key = _text(optional=True)
    group_key = _text(optional=True)
    responsible = _text(optional=True)
    error_type = _text(optional=True)
    error_message = _text(optional=True)
    error_traceback = _text(optional=True)

    objects = Rows()

    class Meta:
        """Only to be read."""

        managed = False
        db_table = table("job")
        default_permissions = ("view",)
        verbose_name = "live job"

    def __str__(self) -> str:
        return f"{self.id}: {self.task}"


class Finished(Model):
    """A job that has ended."""

    id = models.BigIntegerField(primary_key=True)
    task = _text()
    queue = _text()
    state = _text(choices=ENDS)
    priority = models.SmallIntegerField()
    enqueued_at = _moment()
    scheduled_at = _moment(optional=True)
    expected_at = _moment(optional=True)
    started_at = _moment(optional=True)
    finished_at = _moment()
    args = _text()
    kwargs = _text(optional=True)
    meta = _text(optional=True)
    max_attempts = models.IntegerField(null=True)
    attempt = models.IntegerField()
    failures = models.IntegerField()
    skips = models.IntegerField()
    crashes = models.IntegerField()
    unique_key = _text(optional=True)
    serial_key = _text(optional=True)
    group_key = _text(optional=True)
    responsible = _text(optional=True)
    worker = _text(optional=True)
    reason = _text(optional=True)
    result = _text(optional=True)
    error_type = _text(optional=True)
    error_message = _text(optional=True)
    error_traceback = _text(optional=True)
    taken_at = _moment(optional=True)
    taken_by = _text(optional=True)
    dismissed_at = _moment(optional=True)
    dismissed_by = _text(optional=True)
    dismissal = _text(optional=True)

    objects = Rows()

    class Meta:
        """Only to be read."""

        managed = False
        db_table = table("finished")
        default_permissions = ("view",)
        verbose_name = "finished job"

    def __str__(self) -> str:
        return f"{self.id}: {self.task}"


class Inbox(Finished):
    """A failed job that waits for a person."""

    class Meta:  # pyright: ignore[reportIncompatibleVariableOverride]  # Django's way
        """The same rows."""

        proxy = True
        default_permissions = ("view",)
        verbose_name = "failed job in the inbox"
        verbose_name_plural = "inbox"


class Queue(Model):
    """A queue that has settings of its own; one without has no row."""

    name = _text(primary_key=True)
    declared = _text()
    changed = _text()
    paused_at = _moment(optional=True)
    paused_by = _text(optional=True)
    paused_reason = _text(optional=True)

    objects = Rows()

    class Meta:
        """Only to be read."""

        managed = False
        db_table = table("queue")
        default_permissions = ("view",)

    def __str__(self) -> str:
        return str(self.name)


class Worker(Model):
    """A worker process."""

    id = models.BigIntegerField(primary_key=True)
    name = _text()
    queues = _text()
    started_at = _moment()
    expires_at = _moment()

    objects = Rows()

    class Meta:
        """Only to be read."""

        managed = False
        db_table = table("worker")
        default_permissions = ("view",)

    def __str__(self) -> str:
        return str(self.name)


class Schedule(Model):
    """What runs again and again."""

    name = _text(primary_key=True)
    rule = _text()
    job = _text()
    policy = _text()
    is_declared = models.BooleanField()
    owner = _text(optional=True)
    changed_at = _moment()
    changed_by = _text(optional=True)
    next_at = _moment(optional=True)
    missed_at = _moment(optional=True)
    undeclared_at = _moment(optional=True)
    paused_at = _moment(optional=True)
    paused_by = _text(optional=True)
    pause_reason = _text(optional=True)

    objects = Rows()

    class Meta:
        """Only to be read."""

        managed = False
        db_table = table("schedule")
        default_permissions = ("view",)

    def __str__(self) -> str:
        return str(self.name)


class Batch(Model):
    """Jobs that belong together."""

    id = models.BigIntegerField(primary_key=True)
    name = _text()
    type = _text(optional=True)
    parent_id = models.BigIntegerField(null=True)
    expected = models.IntegerField(null=True)
    created_at = _moment()
    first_enqueued_at = _moment(optional=True)
    last_enqueued_at = _moment(optional=True)
    last_processed_at = _moment(optional=True)
    enqueued = models.IntegerField()
    succeeded = models.IntegerField()
    failed = models.IntegerField()
    cancelled = models.IntegerField()
    closed_at = _moment(optional=True)
    ended_at = _moment(optional=True)
    forgotten_at = _moment(optional=True)

    objects = Rows()

    class Meta:
        """Only to be read."""

        managed = False
        db_table = table("batch")
        default_permissions = ("view",)
        verbose_name_plural = "batches"

    def __str__(self) -> str:
        return f"{self.id}: {self.name}"


MIRRORS = (Job, Finished, Inbox, Queue, Worker, Schedule, Batch)
