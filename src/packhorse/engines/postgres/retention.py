"""`Retention` on PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence

from packhorse.engines.sql.base import Params
from packhorse.engines.sql.documents import list_document
from packhorse.engines.sql.retention import SqlRetention
from packhorse.statement import Row


class PostgresRetention(SqlRetention):
    """`SqlRetention`: one statement deletes jobs with all that belongs to them."""

    def _prune_jobs(self, params: Params, *options: str) -> tuple[list[Row], list[int]]:
        rows = self._write("prune_jobs", params, *options)
        return rows, [id for id, _ in rows]

    def _prune_members(self, ids: Sequence[int], ended_by_us: int) -> None:
        self._prune_jobs({"ids": list_document(ids), "until": ended_by_us}, "named")
