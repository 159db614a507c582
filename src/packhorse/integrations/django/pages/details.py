"""What the page of a job shows beside its columns."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from typing import Any

from django.utils.html import format_html, format_html_join

from packhorse.domain.package import Reference
from packhorse.integrations.django.application import application
from packhorse.integrations.django.pages.reading import Shown, newest

LINES = 500
RECORDS = 500
NOTHING = "-"
CALL, MANAGE = "`packhorse ", "`manage.py packhorse "


class Details(Shown):
    """A job's page: its arguments, records, attempts and log lines. And how jobs are searched for."""

    search_fields: Sequence[Any] = ("task",)
    search_help_text = "a job's id, a record (order:42), or a part of the task's name, among the newest 100,000"

    def get_search_results(self, request: Any, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """By id, by record or by task; always along an index, or among few."""
        term = search_term.strip()
        if term.isascii() and term.isdigit():
            return queryset.filter(pk=min(int(term), 2**63 - 1)), False
        kind, colon, key = term.partition(":")
        if kind and colon and key:
            found = application().list_jobs(record=Reference(kind, key), limit=RECORDS)
            return queryset.filter(pk__in=[job.id for job in found]), False
        found = self.within(queryset)
        return (found.filter(task__contains=term) if term else found), False

    def within(self, queryset: Any) -> Any:
        """Where is searched and filtered."""
        return newest(queryset)

    def arguments(self, job: Any) -> Any:
        """As they were enqueued."""
        return _block("\n".join(_pretty(one) for one in (job.args, job.kwargs) if one))

    def traceback(self, job: Any) -> Any:
        """Of the last error."""
        return _block(job.error_traceback)

    def records(self, job: Any) -> Any:
        """Those of a work package, with what has become of each."""
        found = application().engine.list_elements(job.id, limit=RECORDS)
        rows = [(one.record, one.outcome, one.reason) for one in found]
        return _table(("record", "outcome", "reason"), rows)

    def attempts(self, job: Any) -> Any:
        """Each with its error and traceback."""
        rows = [
            (one.attempt, one.outcome, _moment(one.ended_at), one.worker, _error(one))
            for one in application().list_attempts(job.id)
        ]
        return _table(("attempt", "outcome", "ended", "worker", "error"), rows)

    def log_lines(self, job: Any) -> Any:
        """The first lines of what it has logged."""
        rows = [
            (_moment(one.at), one.attempt, logging.getLevelName(one.level), one.logger, one.message)
            for one in application().list_log(job.id, limit=LINES)
        ]
        return _table(("at", "attempt", "level", "logger", "message"), rows)

    def why(self, job: Any) -> Any:
        """What keeps it from running, or what has become of it."""
        said = ((one.text, (one.advice or "").replace(CALL, MANAGE)) for one in application().explain(job.id).reasons)
        return format_html_join("", "<div>{}. {}</div>", said)


def _error(attempt: Any) -> Any:
    said = f"{attempt.error_type}: {attempt.error_message}" if attempt.error_type else attempt.reason or ""
    if not attempt.error_traceback:
        return said
    return format_html("<details><summary>{}</summary>{}</details>", said, _block(attempt.error_traceback))


def _moment(at: Any) -> str:
    from django.utils.formats import localize
    from django.utils.timezone import template_localtime

    return str(localize(template_localtime(at)))


def _pretty(document: str) -> str:
    try:
        return json.dumps(json.loads(document), indent=2, ensure_ascii=False)
    except ValueError:
        return document


def _block(text: str | None) -> Any:
    return format_html('<pre style="margin: 0; white-space: pre-wrap">{}</pre>', text) if text else NOTHING


def _table(headers: tuple[str, ...], rows: list[tuple[Any, ...]]) -> Any:
    if not rows:
        return NOTHING
    head = format_html_join("", "<th>{}</th>", ((one,) for one in headers))
    lines = ((format_html_join("", "<td>{}</td>", (("" if cell is None else cell,) for cell in row)),) for row in rows)
    body = format_html_join("", "<tr>{}</tr>", lines)
    return format_html("<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>", head, body)
