"""`Registry`: workers, their liveness, and the leader."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from packhorse.domain.job import ClaimedJob
from packhorse.domain.moments import micros_in
from packhorse.domain.worker import NewWorker, WorkerRecord
from packhorse.engines.sql import rows as of
from packhorse.engines.sql.base import SqlBase, ids_in
from packhorse.engines.sql.documents import list_document


class SqlRegistry(SqlBase):
    """`packhorse.engine.Registry` by statements; liveness is the heartbeat in the worker's row."""

    def register_worker(self, worker: NewWorker) -> None:
        self._write(
            "register_worker",
            {
                "worker": worker.id,
                "name": worker.name,
                "queues": list_document(worker.queues),
                "names": list_document(sorted(set(worker.tasks))),
                "lease": micros_in(worker.lease),
            },
        )

    def beat(self, workers: Sequence[int], lease: timedelta) -> set[int]:
        return ids_in(self._write("beat", {"ids": list_document(sorted(workers)), "lease": micros_in(lease)}))

    def deregister_worker(self, worker: int) -> None:
        self._write("deregister_worker", {"worker": worker})

    def seek_hints(self, worker: int, wanted: bool) -> None:
        self._write("seek_hints", {"worker": worker, "wanted": int(wanted)})

    def expire_worker(self, worker: int) -> None:
        self._write("expire_worker", {"worker": worker})

    def list_lost_workers(self) -> list[WorkerRecord]:
        return [of.worker_record(row) for row in self._read("list_lost_workers")]

    def list_leased_jobs(self, worker: int, limit: int) -> list[ClaimedJob]:
        rows = self._read("list_leased_jobs", {"worker": worker, "limit": limit})
        return [of.leased_job(row) for row in rows]

    def list_known_tasks(self) -> frozenset[str]:
        return frozenset(row[0] for row in self._read("list_known_tasks"))

    def acquire_leadership(self, worker: int, lease: timedelta) -> bool:
        return bool(self._write("acquire_leadership", {"worker": worker, "lease": micros_in(lease)}))

    def release_leadership(self, worker: int) -> None:
        self._write("release_leadership", {"worker": worker})
