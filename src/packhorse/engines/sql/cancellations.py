"""`Cancellations`: what a worker is to stop."""

from __future__ import annotations

from packhorse.domain.job import ClaimedJob
from packhorse.engines.sql import rows as of
from packhorse.engines.sql.base import SqlBase


class SqlCancellations(SqlBase):
    """`packhorse.cancellations.Cancellations` by statements."""

    def list_cancelled_runs(self, worker: int) -> list[ClaimedJob]:
        return [of.leased_job(row) for row in self._read("list_cancelled_runs", {"worker": worker})]
