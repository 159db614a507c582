"""`Retention` on SQLite."""

from __future__ import annotations

from collections.abc import Sequence

from packhorse.engines.sql.base import Command, Params
from packhorse.engines.sql.documents import list_document
from packhorse.engines.sql.retention import SqlRetention
from packhorse.statement import Row


class SqliteRetention(SqlRetention):
    """`SqlRetention`, in two steps: no statement here deletes from several tables, and each would find other jobs.

    What is to go is looked for before anybody has to wait, and only that is looked at again while others do.
    """

    def _prune_jobs(self, params: Params, *options: str) -> tuple[list[Row], list[int]]:
        found = self._look(_list_prunable(params, *options))
        if not found:
            return [], []
        named = {**params, "ids": list_document([row[0] for row in found])}
        with self._transaction() as transaction:
            gone = [row[0] for row in self._run(transaction, _list_prunable(named, *options, "named"))]
            self._run(transaction, _prune_jobs(gone))
        return found, gone

    def _prune_members(self, ids: Sequence[int], ended_by_us: int) -> None:
        with self._transaction() as transaction:
            ended = self._run(transaction, _list_ended_members(ids, ended_by_us))
            self._run(transaction, _prune_jobs([row[0] for row in ended]))
            self._run(transaction, _leave_batches(ids))


def _list_prunable(params: Params, *options: str) -> Command:
    return Command("list_prunable", params, options)


def _prune_jobs(ids: Sequence[int]) -> Command:
    return Command("prune_jobs", {"ids": list_document(ids)})


def _list_ended_members(ids: Sequence[int], by_us: int) -> Command:
    return Command("list_ended_members", {"ids": list_document(ids), "until": by_us})


def _leave_batches(ids: Sequence[int]) -> Command:
    return Command("leave_batches", {"ids": list_document(ids)})
