"""Reading on SQLite: as elsewhere, but who is alive is seen from the workers' locks."""

from __future__ import annotations

import json
from dataclasses import replace

from packhorse.domain.moments import moment
from packhorse.domain.worker import WorkerRecord
from packhorse.engine import Glance
from packhorse.engines.sql import rows as of
from packhorse.engines.sql.insights import SqlInsights
from packhorse.engines.sqlite.registry import SqliteRegistry


class SqliteInsights(SqliteRegistry, SqlInsights):
    """`SqlInsights` over `SqliteRegistry`."""

    def glance(self, worker: int, floors: bool = False) -> Glance:
        [row] = self._read("glance", {"worker": worker}, "locks", *(["floors"] if floors else []))
        *_, workers, now = row
        has_dead = not all(self._is_alive(id, expires_at, now) for id, expires_at in json.loads(workers))
        seen = of.glance(row)
        return replace(seen, has_lost_workers=seen.has_lost_workers or has_dead)

    def list_workers(self) -> list[WorkerRecord]:
        return [self._as_seen(record) for record in super().list_workers()]

    def _as_seen(self, record: WorkerRecord) -> WorkerRecord:
        seen = self._locks.expires_at(record.id)
        return record if seen is None else replace(record, expires_at=moment(seen))
