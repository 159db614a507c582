"""The registry on SQLite: liveness is a lock that the operating system frees, the row only a fallback."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from packhorse.domain.moments import micros_at, micros_in
from packhorse.domain.worker import NewWorker, WorkerRecord
from packhorse.engines.sql import rows as of
from packhorse.engines.sql.base import ids_in
from packhorse.engines.sql.documents import list_document
from packhorse.engines.sql.registry import SqlRegistry
from packhorse.engines.sqlite.liveness import WorkerLocks
from packhorse.statement import Row


class SqliteRegistry(SqlRegistry):
    """`SqlRegistry` with liveness by lock."""

    _locks: WorkerLocks

    def register_worker(self, worker: NewWorker) -> None:
        self._locks.hold(worker.id, self._read_clock() + micros_in(worker.lease))
        super().register_worker(worker)

    def beat(self, workers: Sequence[int], lease: timedelta) -> set[int]:
        rows = self._list_registered(workers)
        unlocked = [worker for worker, now in rows if not self._locks.renew(worker, now + micros_in(lease))]
        if unlocked:
            super().beat(unlocked, lease)
        return ids_in(rows)

    def deregister_worker(self, worker: int) -> None:
        super().deregister_worker(worker)
        self._locks.drop(worker)

    def seek_hints(self, worker: int, wanted: bool) -> None:
        """Nobody sends hints here: whoever waits looks at the file's version."""

    def expire_worker(self, worker: int) -> None:
        self._locks.drop(worker)
        super().expire_worker(worker)

    def list_lost_workers(self) -> list[WorkerRecord]:
        records = ((of.worker_record(row), row[6], row[7]) for row in self._read("list_lost_workers"))
        return [
            record
            for record, has_row, now in records
            if not (has_row and self._is_alive(record.id, micros_at(record.expires_at), now))
        ]

    def list_known_tasks(self) -> frozenset[str]:
        rows = self._read("list_known_tasks")
        live = {row[1:] for row in rows if self._is_alive(*row[1:])}
        return frozenset(row[0] for row in rows if row[1:] in live)

    def _read_clock(self) -> int:
        [(now,)] = self._read("read_clock")
        return int(now)

    def _list_registered(self, workers: Sequence[int]) -> list[Row]:
        return self._read("list_registered", {"ids": list_document(workers)})

    def _is_alive(self, worker: int, expires_at: int, now: int) -> bool:
        """Whether the worker's heartbeat counts; `expires_at` is the row's, for a worker without a lock of its own."""
        seen = self._locks.expires_at(worker)
        return now < (expires_at if seen is None else seen)
