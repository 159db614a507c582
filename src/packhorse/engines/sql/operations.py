"""`Operations`: what people do with jobs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from packhorse.domain.moments import micros_in, moment
from packhorse.domain.state import FINAL, JobState
from packhorse.engines.sql.base import SqlBase, ids_in
from packhorse.engines.sql.documents import list_document
from packhorse.operations import Cancelled, Retried, SelectedGroup, Selection, StaleGroup
from packhorse.statement import Row

LONGEST_REASON = 1000
"""Characters that are kept of why somebody did something."""
SOMEBODY = "somebody"


class SqlOperations(SqlBase):
    """`packhorse.operations.Operations` by statements."""

    def list_selected(self, selection: Selection, after_id: int, limit: int) -> list[int]:
        params, options = self._selected(selection)
        rows = self._read("list_selected", {**params, "after_id": after_id, "limit": limit}, *options)
        return [row[0] for row in rows]

    def count_selected(self, selection: Selection) -> list[SelectedGroup]:
        params, options = self._selected(selection)
        return [_group(row) for row in self._read("count_selected", params, *options)]

    def list_stale(self, longer_than: timedelta) -> list[StaleGroup]:
        return [_stale(row) for row in self._read("list_stale", {"stale_for": micros_in(longer_than)}, "stale_for")]

    def give_up_batches(self, ids: Sequence[int], by: str | None = None, why: str | None = None) -> set[int]:
        params = {"ids": list_document(sorted(ids)), "reason": said("cancelled", by, why)}
        return ids_in(self._write("give_up_batches", params))

    def cancel_jobs(
        self, ids: Sequence[int], by: str | None = None, why: str | None = None, *, running: bool = True
    ) -> Cancelled:
        asker = words(f"{by or SOMEBODY}: {why}" if why else by or SOMEBODY)
        params = {"ids": list_document(sorted(ids)), "reason": said("cancelled", by, why), "by": asker}
        rows = self._write("cancel_jobs", params, *(["running"] if running else []))
        gone = frozenset(id for id, is_gone in rows if is_gone)
        return Cancelled(gone, frozenset(id for id, is_gone in rows if not is_gone))

    def retry_jobs(
        self, ids: Sequence[int], by: str | None = None, why: str | None = None, *, inbox: bool = False
    ) -> Retried:
        params = {"ids": list_document(sorted(ids)), "reason": said("retried", by, why)}
        retried = frozenset(ids_in(self._write("retry_jobs", params, *(["inbox"] if inbox else []))))
        left = [id for id in ids if id not in retried]
        return Retried(retried, self._list_key_holders(left) if left else {})

    def hold_jobs(self, ids: Sequence[int], by: str | None = None, why: str | None = None) -> set[int]:
        return ids_in(self._write("hold_jobs", {"ids": list_document(sorted(ids)), "reason": said("held", by, why)}))

    def release_jobs(self, ids: Sequence[int]) -> set[int]:
        return ids_in(self._write("release_jobs", {"ids": list_document(sorted(ids))}))

    def delete_jobs(self, ids: Sequence[int]) -> set[int]:
        return ids_in(self._write("delete_jobs", {"ids": list_document(sorted(ids))}))

    def _list_key_holders(self, ids: Sequence[int]) -> dict[int, int]:
        rows = self._read("list_key_holders", {"ids": list_document(sorted(ids))})
        return {row[0]: row[1] for row in rows}

    def _selected(self, selection: Selection) -> tuple[dict[str, str | int | None], list[str]]:
        """The parameters of a selection, and which parts of its statement they need."""
        params, options = self._filters(selection)
        if selection.until_id is not None:
            params["until_id"] = selection.until_id
            options.append("until_id")
        if selection.states is not None:
            params["names"] = list_document(sorted(selection.states))
            options.append("names")
        flags = {"held": selection.is_held, "unheld": selection.is_unheld, "open": selection.is_open}
        return params, [*options, *(name for name, is_set in flags.items() if is_set), *_kinds(selection)]

    def _filters(self, selection: Selection) -> tuple[dict[str, str | int | None], list[str]]:
        """The same of what a selection says about the jobs themselves, not about their state."""
        params: dict[str, str | int | None] = {
            "queue": selection.queue,
            "task": None if selection.task is None else self._pattern(selection.task),
            "key": selection.key,
            "error_type": selection.error_type,
            "message": None if selection.message is None else self._pattern(selection.message),
            "responsible": selection.responsible,
            "older_than": None if selection.older_than is None else micros_in(selection.older_than),
            "newer_than": None if selection.newer_than is None else micros_in(selection.newer_than),
            "stale_for": None if selection.stale_for is None else micros_in(selection.stale_for),
            "batch": selection.batch,
        }
        given: dict[str, str | int | None] = {name: value for name, value in params.items() if value is not None}
        return given, [*given]


def said(what: str, by: str | None, why: str | None) -> str:
    """What was done, by whom and why, as every database stores it."""
    return words(f"{what} by {by or SOMEBODY}{f': {why}' if why else ''}")


def words(text: str) -> str:
    """What somebody typed, as every database stores it, at no more than `LONGEST_REASON`."""
    clean = text.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")
    return clean if len(clean) <= LONGEST_REASON else f"{clean[: LONGEST_REASON - 1]}…"


def _kinds(selection: Selection) -> list[str]:
    """Which of the two tables a selection needs, and whether an index of its own serves it."""
    states = frozenset(JobState) if selection.states is None else selection.states
    if selection.is_open:
        states &= {JobState.FAILED}
    if selection.stale_for is not None:
        states &= {JobState.BLOCKED}
    kinds = ["live"] if states - FINAL else []
    if states & FINAL and not selection.is_held:
        kinds.append("finished")
    if JobState.SUCCEEDED not in states:
        kinds.append("unsuccessful")
    return kinds


def _stale(row: Row) -> StaleGroup:
    task, queue, waits_for, count, since, lowest_id = row
    return StaleGroup(
        task=task, queue=queue, waits_for=waits_for, count=count, since=moment(since), lowest_id=lowest_id
    )


def _group(row: Row) -> SelectedGroup:
    return SelectedGroup(task=row[0], queue=row[1], state=JobState(row[2]), count=row[3], highest_id=row[4])
