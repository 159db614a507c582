"""`QueueStore`: queues as records, rules, and modules that can't be loaded."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from packhorse.domain.moments import micros_in
from packhorse.domain.queue import (
    LoadFailure,
    Queue,
    QueueSettings,
    RateLimit,
    Route,
    Stored,
    encode_settings,
    settings_in_force,
)
from packhorse.engines.sql import queue_rows as of
from packhorse.engines.sql.base import NO_PARAMS, Params, SqlBase

FORGOTTEN = timedelta(days=1)
"""A module that nobody has tried to import for so long is not reported any more."""


class SqlQueueStore(SqlBase):
    """`packhorse.queues.QueueStore` by statements."""

    def list_queue_settings(self, name: str | None = None) -> list[Queue]:
        if name is None:
            return [of.queue(row) for row in self._read("list_queue_settings")]
        return [of.queue(row) for row in self._read("list_queue_settings", {"name": name}, "name")]

    def put_queue_settings(self, before: Queue, declared: Mapping[str, Stored], changed: Mapping[str, Stored]) -> bool:
        params: Params = {
            "name": before.name,
            "declared": encode_settings(declared),
            "changed": encode_settings(changed),
            "declared_before": encode_settings(before.declared),
            "changed_before": encode_settings(before.changed),
            **_columns(settings_in_force(declared, changed)),
        }
        return bool(self._write("put_queue_settings", params))

    def pause_queue(self, name: str, by: str | None, reason: str | None) -> bool:
        return bool(self._write("pause_queue", {"name": name, "by": by, "reason": reason}))

    def resume_queue(self, name: str) -> bool:
        return bool(self._write("resume_queue", {"name": name}))

    def remove_queue(self, name: str) -> bool:
        return bool(self._write("remove_queue", {"name": name}))

    def list_routes(self) -> list[Route]:
        return [of.route(row) for row in self._read("list_routes", NO_PARAMS)]

    def put_route(self, pattern: str, queue: str, by: str | None) -> None:
        self._write("put_route", {"pattern": pattern, "queue": queue, "by": by})

    def remove_route(self, pattern: str) -> bool:
        return bool(self._write("remove_route", {"pattern": pattern}))

    def list_load_failures(self) -> list[LoadFailure]:
        return [of.load_failure(row) for row in self._read("list_load_failures")]

    def note_load_failure(self, module: str, host: str, error: str) -> None:
        params: Params = {"module": module, "host": host, "error": error, "forgotten": micros_in(FORGOTTEN)}
        self._write("note_load_failure", params)

    def forget_load_failure(self, module: str, host: str) -> None:
        self._write("forget_load_failure", {"module": module, "host": host})


def _columns(settings: QueueSettings) -> Params:
    """The settings in force, as the columns that statements look at."""
    return {
        "slots": settings.slots,
        "priority_floor": settings.priority_floor,
        "order_policy": settings.order,
        "max_running": settings.max_running,
        "rate_count": _count(settings.rate),
        "rate_period": _period(settings.rate),
        "group_max_running": settings.group_max_running,
        "group_rate_count": _count(settings.group_rate),
        "group_rate_period": _period(settings.group_rate),
        "fair": int(settings.fair),
        "keep_succeeded": _micros(settings.keep_succeeded),
        "keep_cancelled": _micros(settings.keep_cancelled),
        "keep_failed": _micros(settings.keep_failed),
    }


def _count(rate: RateLimit | None) -> int | None:
    return None if rate is None else rate.count


def _period(rate: RateLimit | None) -> int | None:
    return None if rate is None else micros_in(rate.period)


def _micros(length: timedelta | None) -> int | None:
    return None if length is None else micros_in(length)
