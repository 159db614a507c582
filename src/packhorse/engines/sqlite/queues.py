"""Queues as records on SQLite: as elsewhere, but rules are read without installing the schema."""

from __future__ import annotations

from packhorse.domain.queue import Route
from packhorse.engines.sql import queue_rows as of
from packhorse.engines.sql.queues import SqlQueueStore
from packhorse.engines.sqlite.connections import Connections


class SqliteQueueStore(SqlQueueStore):
    """`SqlQueueStore` for producers whose own transaction may hold the file's one write lock."""

    _connections: Connections

    def list_routes(self) -> list[Route]:
        [text] = self._statements.get("list_routes")
        return [of.route(row) for row in self._connections.read(text)]
