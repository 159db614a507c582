"""The pages of queues, workers and schedules, as the commands list them, and that of batches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode

from packhorse.cli.output import ago
from packhorse.cli.queues import remark as queue_remark
from packhorse.cli.schedules import HEADERS as SCHEDULE_HEADERS
from packhorse.cli.schedules import schedule_row
from packhorse.cli.workers import HEADERS as WORKER_HEADERS
from packhorse.cli.workers import worker_row
from packhorse.domain.state import JobState
from packhorse.integrations.django.application import application
from packhorse.integrations.django.pages.reading import Filter, Listing, Shown, newest


class QueuePages(Listing):
    """The queues with their jobs by state."""

    remark = "Counts lead to the jobs. Settings are changed by `manage.py packhorse queues set`, `pause` and `resume`."
    headers: Sequence[Any] = ("QUEUE", *(state.value.upper() for state in JobState), "OLDEST", "REMARK")

    def rows(self) -> Iterable[Sequence[object]]:
        """A queue in each."""
        app = application()
        records = {one.name: one for one in app.queues.list()}
        for queue in app.list_queues():
            counts = [_counted(self.admin_site.name, queue, state) for state in JobState]
            yield (queue.name, *counts, ago(queue.oldest_available_at), queue_remark(records.get(queue.name)))


class WorkerPages(Listing):
    """The worker processes."""

    remark = "`manage.py packhorse worker` starts one."
    headers: Sequence[Any] = WORKER_HEADERS

    def rows(self) -> Iterable[Sequence[object]]:
        """A worker in each."""
        return map(worker_row, application().list_workers())


class SchedulePages(Listing):
    """What runs again and again."""

    remark = "`manage.py packhorse schedules run`, `pause` and `resume` change them."
    headers: Sequence[Any] = SCHEDULE_HEADERS

    def rows(self) -> Iterable[Sequence[object]]:
        """A schedule in each."""
        return map(schedule_row, application().schedules.list())


class IsOpen(Filter):
    """Whether a batch has ended."""

    title = "end"
    parameter_name = "open"

    def lookups(self, request: object, model_admin: object) -> list[tuple[str, str]]:
        """Both."""
        return [("yes", "still open"), ("no", "ended")]

    def queryset(self, request: object, queryset: Any) -> Any:
        """Those."""
        return queryset if self.value() is None else queryset.filter(ended_at__isnull=self.value() == "yes")


class BatchPages(Shown):
    """Batches, the newest first."""

    list_display: Sequence[Any] = (
        "id",
        "name",
        "type",
        "enqueued",
        "succeeded",
        "failed",
        "cancelled",
        "created_at",
        "ended_at",
    )
    list_filter: Sequence[Any] = (IsOpen,)
    search_fields: Sequence[Any] = ("name",)
    search_help_text = "a batch's id, or a part of its name, among the newest 100,000"
    ordering: Sequence[Any] = ("-id",)

    def get_queryset(self, request: Any) -> Any:
        """But for those that are being deleted."""
        return super().get_queryset(request).filter(forgotten_at__isnull=True)

    def get_search_results(self, request: Any, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """By id, or by name among few."""
        term = search_term.strip()
        if term.isascii() and term.isdigit():
            return queryset.filter(pk=min(int(term), 2**63 - 1)), False
        return newest(queryset).filter(name__contains=term), False


def _counted(site: str, queue: Any, state: JobState) -> object:
    number = queue.counts[state]
    if not number:
        return ""
    page = "finished" if state.is_final else "job"
    query = urlencode({"queue": queue.name, "state__exact": state.value})
    many = f"{number:,}{'+' if state in queue.at_least else ''}"
    return format_html('<a href="{}?{}">{}</a>', reverse(f"{site}:packhorse_{page}_changelist"), query, many)
