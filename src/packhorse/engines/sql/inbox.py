"""`InboxStore`: the failed jobs that wait for a person."""

from __future__ import annotations

from collections.abc import Sequence

from packhorse.domain.moments import moment, optional_moment
from packhorse.engines.sql.base import ids_in
from packhorse.engines.sql.documents import list_document
from packhorse.engines.sql.operations import SOMEBODY, SqlOperations, words
from packhorse.inbox import InboxGroup, InboxItem
from packhorse.operations import Selection
from packhorse.statement import Row


class SqlInbox(SqlOperations):
    """`packhorse.inbox.InboxStore` by statements."""

    def list_failures(
        self, selection: Selection, before_id: int | None, limit: int, *, dismissed: bool = False
    ) -> list[InboxItem]:
        params, options = self._filters(selection)
        if before_id is not None:
            params["before_id"] = before_id
            options.append("before_id")
        if dismissed:
            options.append("dismissed")
        return [_item(row) for row in self._read("list_failures", {**params, "limit": limit}, *options)]

    def group_failures(self, selection: Selection, limit: int) -> list[InboxGroup]:
        params, options = self._filters(selection)
        return [_group(row) for row in self._read("group_failures", {**params, "limit": limit}, *options)]

    def find_failure(self, id: int) -> InboxItem | None:
        rows = self._read("find_failure", {"id": id})
        return _item(rows[0]) if rows else None

    def take_jobs(self, ids: Sequence[int], by: str | None = None) -> set[int]:
        return ids_in(self._write("take_jobs", {"ids": list_document(sorted(ids)), "by": words(by or SOMEBODY)}))

    def dismiss_jobs(self, ids: Sequence[int], by: str | None = None, why: str | None = None) -> set[int]:
        params = {
            "ids": list_document(sorted(ids)),
            "by": words(by or SOMEBODY),
            "why": None if why is None else words(why),
        }
        return ids_in(self._write("dismiss_jobs", params))


def _item(row: Row) -> InboxItem:
    return InboxItem(
        id=row[0],
        task=row[1],
        queue=row[2],
        failed_at=moment(row[3]),
        attempt=row[4],
        args=row[5],
        kwargs=row[6],
        worker=row[7],
        reason=row[8],
        error_type=row[9],
        error_message=row[10],
        error_traceback=row[11],
        responsible=row[12],
        taken_at=optional_moment(row[13]),
        taken_by=row[14],
        dismissed_at=optional_moment(row[15]),
        dismissed_by=row[16],
        dismissal=row[17],
    )


def _group(row: Row) -> InboxGroup:
    return InboxGroup(
        task=row[0],
        error_type=row[1],
        error_message=row[2],
        reason=row[3],
        count=row[4],
        taken=row[5],
        lowest_id=row[6],
        highest_id=row[7],
        oldest_at=moment(row[8]),
        newest_at=moment(row[9]),
    )
