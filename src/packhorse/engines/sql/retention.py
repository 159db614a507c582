"""`Retention`: finished jobs go when they were kept for as long as their queue says."""

from __future__ import annotations

from dataclasses import replace

from packhorse.domain.moments import micros_in
from packhorse.domain.retention import KEPT_FOR
from packhorse.domain.state import JobState
from packhorse.engines.sql.base import Command, Params, SqlBase
from packhorse.engines.sql.documents import list_document
from packhorse.retention import Expired, Pruned
from packhorse.statement import Row


class SqlRetention(SqlBase):
    """`packhorse.retention.Retention` by statements."""

    _batches_forgotten_up_to: int = 0

    def list_expired(self) -> list[Expired]:
        kept_for: Params = {state.value: micros_in(length) for state, length in KEPT_FOR.items()}
        rows = self._read("list_expired", kept_for)
        return [
            Expired(queue=queue, state=JobState(state), since_us=since_us, until_us=until_us)
            for queue, state, since_us, until_us in rows
        ]

    def forget_starts(self, limit: int) -> int:
        return len(self._write("forget_starts", {"limit": limit}))

    def prune_jobs(self, expired: Expired, limit: int) -> Pruned:
        params: Params = {
            "queue": expired.queue,
            "state": expired.state.value,
            "since": expired.since_us,
            "until": expired.until_us,
            "limit": limit,
        }
        rows = self._prune_jobs(params, *(("dismissed",) if expired.state is JobState.FAILED else ()))
        reached = max((at_us for _, at_us in rows), default=expired.since_us)
        return Pruned(ids=[id for id, _ in rows], rest=replace(expired, since_us=reached))

    def forget_batches(self, limit: int) -> int:
        list_idle = _list_idle_batches(self._batches_forgotten_up_to, limit)
        rows = self._read(list_idle.name, list_idle.params)
        self._batches_forgotten_up_to = rows[-1][0] if len(rows) == limit else 0
        idle = [row[0] for row in rows if row[1]]
        if idle:
            self._write("forget_batches", {"ids": list_document(idle)})
        return len(idle)

    def _prune_jobs(self, params: Params, *options: str) -> list[Row]:
        """Delete a chunk; the ids, and since when each job could have been deleted."""
        return self._write("prune_jobs", params, *options)


def _list_idle_batches(after: int, limit: int) -> Command:
    kept = micros_in(KEPT_FOR[JobState.SUCCEEDED])
    return Command("list_idle_batches", {"after": after, "kept": kept, "limit": limit})
