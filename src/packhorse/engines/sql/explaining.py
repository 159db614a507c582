"""`Explaining`: why a job does not run."""

from __future__ import annotations

from packhorse.domain.explanation import ALONE, LATELY, MOST_COUNTED, Explanation
from packhorse.domain.moments import micros_in
from packhorse.domain.order import AGING_STEP
from packhorse.domain.reasons import explain
from packhorse.domain.worker import WorkerRecord
from packhorse.engines.sql import fact_rows as of
from packhorse.engines.sql.base import Params, SqlBase
from packhorse.explaining import Needed


class SqlExplaining(SqlBase):
    """`packhorse.explaining.Explaining` by one statement each."""

    def explain(self, id: int) -> Explanation | None:
        params: Params = {
            "id": id,
            "most": MOST_COUNTED + 1,
            "lately": micros_in(LATELY),
            "step": micros_in(AGING_STEP),
            "alone": micros_in(ALONE),
        }
        rows = self._read("explain", params)
        return explain(of.facts(rows[0], self._as_seen)) if rows else None

    def list_needed(self, id: int) -> list[Needed]:
        return [of.needed(row) for row in self._read("list_needed", {"id": id})]

    def _as_seen(self, record: WorkerRecord) -> WorkerRecord:
        """What is known of a worker beside its row."""
        return record
