"""`Insights`: reading, for workers and people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from packhorse.domain.job import AttemptRecord, JobRecord
from packhorse.domain.state import FINAL, JobState
from packhorse.domain.worker import WorkerRecord
from packhorse.engine import Glance, JobFilter, QueueRecord
from packhorse.engines.sql import rows as of
from packhorse.engines.sql.base import Params, SqlBase
from packhorse.engines.sql.documents import list_document
from packhorse.statement import Row


class SqlInsights(SqlBase):
    """`packhorse.engine.Insights` by statements."""

    def glance(self, worker: int, floors: bool = False) -> Glance:
        [row] = self._read("glance", {"worker": worker}, *(["floors"] if floors else []))
        return of.glance(row)

    def find_job(self, id: int) -> JobRecord | None:
        rows = self._select_jobs({"id": id, "limit": 1}, "live", "finished")
        return of.job_record(rows[0]) if rows else None

    def list_missing_jobs(self, ids: Sequence[int]) -> list[int]:
        return [row[0] for row in self._read("list_missing_jobs", {"ids": list_document(sorted(ids))})]

    def list_jobs(self, filter: JobFilter) -> list[JobRecord]:
        params: dict[str, str | int | None] = {
            "state": filter.state,
            "queue": filter.queue,
            "task": None if filter.task is None else self._pattern(filter.task),
            "key": filter.key,
            "record_type": filter.record and filter.record.type,
            "record_key": filter.record and filter.record.key,
            "batch": filter.batch,
            "correlation": filter.correlation,
            "before_id": filter.before_id,
        }
        given = {name: value for name, value in params.items() if value is not None}
        rows = self._select_jobs({**given, "limit": filter.limit}, *_kinds(filter.state))
        return [of.job_record(row) for row in rows]

    def list_attempts(self, id: int) -> list[AttemptRecord]:
        return [of.attempt_record(row) for row in self._read("list_attempts", {"id": id})]

    def list_queues(self) -> list[QueueRecord]:
        return of.queue_records(self._read("list_queues"))

    def list_workers(self) -> list[WorkerRecord]:
        return [of.worker_record(row) for row in self._read("list_workers")]

    def count_jobs(self) -> Mapping[JobState, int]:
        queues = self.list_queues()
        return {state: sum(queue.counts[state] for queue in queues) for state in JobState}

    def _select_jobs(self, params: Params, *kinds: str) -> list[Row]:
        return self._read("select_jobs", params, *kinds, *(name for name in params if name != "limit"))


def _kinds(state: JobState | None) -> tuple[str, ...]:
    if state is None:
        return ("live", "finished")
    if state not in FINAL:
        return ("live",)
    return ("finished",) if state is JobState.SUCCEEDED else ("finished", "unsuccessful")
