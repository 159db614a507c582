"""`Retention`: finished jobs go when they were kept for as long as their queue says."""

from __future__ import annotations

from dataclasses import replace

from packhorse.domain.moments import micros_in
from packhorse.domain.retention import KEPT_FOR
from packhorse.domain.state import JobState
from packhorse.engines.sql.base import Params, SqlBase
from packhorse.retention import Expired, Pruned
from packhorse.statement import Row


class SqlRetention(SqlBase):
    """`packhorse.retention.Retention` by statements."""

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

    def _prune_jobs(self, params: Params, *options: str) -> list[Row]:
        """Delete a chunk; the ids, and since when each job could have been deleted."""
        return self._write("prune_jobs", params, *options)
