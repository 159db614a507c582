"""`Retention` on SQLite."""

from __future__ import annotations

from packhorse.engines.sql.base import Command, Params
from packhorse.engines.sql.documents import list_document
from packhorse.engines.sql.retention import SqlRetention
from packhorse.statement import Row


class SqliteRetention(SqlRetention):
    """`SqlRetention`, in two steps: no statement here deletes from several tables, and each would find other jobs."""

    def _prune_jobs(self, params: Params, *options: str) -> list[Row]:
        transaction = self.begin()
        try:
            rows = self._run(transaction, _list_prunable(params, *options))
            if rows:
                self._run(transaction, _prune_jobs(params, [row[0] for row in rows]))
        except BaseException:
            transaction.rollback()
            raise
        transaction.commit()
        return rows


def _list_prunable(params: Params, *options: str) -> Command:
    return Command("list_prunable", params, options)


def _prune_jobs(params: Params, ids: list[int]) -> Command:
    return Command("prune_jobs", {"ids": list_document(ids), "queue": params["queue"], "state": params["state"]})
