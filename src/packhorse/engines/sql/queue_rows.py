"""Rows of the statements of `QueueStore` as values. Columns go by position."""

from __future__ import annotations

from packhorse.domain.moments import moment, optional_moment
from packhorse.domain.queue import LoadFailure, Queue, Route, decode_settings, settings_in_force
from packhorse.statement import Row


def queue(row: Row) -> Queue:
    """A row of `list_queue_settings.sql`."""
    declared, changed = decode_settings(row[1]), decode_settings(row[2])
    return Queue(
        name=row[0],
        declared=declared,
        changed=changed,
        settings=settings_in_force(declared, changed),
        paused_at=optional_moment(row[3]),
        paused_by=row[4],
        paused_reason=row[5],
    )


def route(row: Row) -> Route:
    """A row of `list_routes.sql`."""
    return Route(pattern=row[0], queue=row[1], created_by=row[2], created_at=moment(row[3]))


def load_failure(row: Row) -> LoadFailure:
    """A row of `list_load_failures.sql`."""
    return LoadFailure(
        module=row[0], host=row[1], hits=row[2], first_at=moment(row[3]), last_at=moment(row[4]), error=row[5]
    )
