"""The pages of jobs: live ones, finished ones, and the inbox."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models.expressions import RawSQL
from django.shortcuts import redirect

from packhorse.integrations.django.models import Finished, Job
from packhorse.integrations.django.pages.details import Details
from packhorse.integrations.django.pages.reading import NEWEST, ByQueue

MAIN = (("id", "task"), ("queue", "state", "priority"))
TIMES = (("enqueued_at", "scheduled_at"), ("expected_at", "started_at"))
COUNTS = (("attempt", "max_attempts", "failures"), ("skips", "crashes"))
KEYS = (("unique_key", "serial_key", "group_key"), "responsible", "meta")
MORE = ("arguments", "records", "attempts", "log_lines")


class JobPages(Details):
    """Jobs that wait or run."""

    list_display: Sequence[Any] = ("id", "task", "queue", "state", "enqueued_at", "scheduled_at", "attempt")
    list_filter: Sequence[Any] = ("state", ByQueue)
    fieldsets: Sequence[Any] = (
        (None, {"fields": (*MAIN, "why", "reason")}),
        ("Times", {"fields": TIMES}),
        ("Work", {"fields": MORE}),
        ("Last error", {"fields": ("error_type", "error_message", "traceback")}),
        ("Counts and keys", {"fields": (*COUNTS, *KEYS), "classes": ("collapse",)}),
    )
    readonly_fields: Sequence[Any] = (*MORE, "why", "traceback")

    def change_view(self, request: Any, object_id: str, form_url: str = "", extra_context: Any = None) -> Any:
        """The page of a job; that of the finished one when it has ended meanwhile."""
        is_id = object_id.isdigit()
        if is_id and not Job.objects.filter(pk=object_id).exists() and Finished.objects.filter(pk=object_id).exists():
            return redirect(f"{self.admin_site.name}:packhorse_finished_change", object_id)
        return super().change_view(request, object_id, form_url, extra_context)


class FinishedPages(Details):
    """Jobs that have ended."""

    list_display: Sequence[Any] = ("id", "task", "queue", "state", "finished_at", "took", "attempt", "error_type")
    list_filter: Sequence[Any] = ("state", ByQueue)
    fieldsets: Sequence[Any] = (
        (None, {"fields": (*MAIN, "worker", "reason", "result")}),
        ("Times", {"fields": (*TIMES, ("finished_at", "took"))}),
        ("Error", {"fields": ("error_type", "error_message", "traceback")}),
        ("Work", {"fields": MORE}),
        ("Inbox", {"fields": (("taken_at", "taken_by"), ("dismissed_at", "dismissed_by"), "dismissal")}),
        ("Counts and keys", {"fields": (*COUNTS, *KEYS), "classes": ("collapse",)}),
    )
    readonly_fields: Sequence[Any] = (*MORE, "took", "traceback")

    def changelist_view(self, request: Any, extra_context: Any = None) -> Any:
        """The list, with what it leaves out."""
        told = f"The newest {NEWEST:,}; older ones by their id, and by `manage.py packhorse jobs list`"
        return super().changelist_view(request, {"subtitle": told, **(extra_context or {})})

    def took(self, job: Any) -> str:
        """How long the last run was."""
        from packhorse.domain.durations import duration

        return duration(job.finished_at - job.started_at) if job.started_at else ""


class InboxPages(FinishedPages):
    """Failed jobs that wait for a person."""

    list_display: Sequence[Any] = (
        "id",
        "task",
        "queue",
        "error_type",
        "error_message",
        "finished_at",
        "attempt",
        "taken_by",
    )
    list_filter: Sequence[Any] = (ByQueue,)
    search_help_text = "a job's id, a record (order:42), or a part of the task's name"

    def get_queryset(self, request: Any) -> Any:
        """Written out, and not as a parameter: SQLite then sees that the index of just these rows serves."""
        return super().get_queryset(request).filter(state=RawSQL("'failed'", ()), dismissed_at__isnull=True)

    def within(self, queryset: Any) -> Any:
        """All of them: nobody may be forgotten here."""
        return queryset

    def changelist_view(self, request: Any, extra_context: Any = None) -> Any:
        """The list, with the way on."""
        told = "Retry or dismiss them with `manage.py packhorse inbox solve` and `dismiss`"
        return super().changelist_view(request, {"subtitle": told, **(extra_context or {})})
