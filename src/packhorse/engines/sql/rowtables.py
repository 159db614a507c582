"""What queue tables have in common on all databases: the slots of their statements, records, and lists."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from packhorse.domain.moments import MICROSECOND, micros_in, moment, optional_moment
from packhorse.domain.outcome import ErrorInfo
from packhorse.domain.queuetable import (
    GoneRow,
    ProcessorRecord,
    RowAck,
    RowError,
    RowLook,
    RowRun,
    TableCounts,
    TableSpec,
    TakenRow,
    Trouble,
    TroubledRow,
    quoted,
)
from packhorse.engines.sql.base import Command, Params
from packhorse.engines.sql.documents import list_document, rows_document
from packhorse.engines.sql.statements import Statements
from packhorse.statement import Row

_SECOND = 1_000_000


class SqlRowTable(ABC):
    """`packhorse.rowstore.RowTable` by statements of one table's own."""

    def __init__(self, spec: TableSpec, statements: Statements) -> None:
        self._spec = spec
        self._statements = statements

    @abstractmethod
    def _read(self, command: Command) -> list[Row]:
        """Run a statement that changes nothing; its rows."""

    @abstractmethod
    def _write(self, command: Command) -> list[Row]:
        """Run statements in a transaction of their own; the rows of all of them."""

    def look_rows(self, queue: str) -> RowLook:
        [(row, paused, revision, condemned, due)] = self._read(Command("look_rows", {**self._of(), "queue": queue}))
        return RowLook(
            has_rows=row is not None,
            is_paused=paused is not None,
            revision=int(revision),
            has_condemned=condemned is not None,
            due_in=None if due is None else timedelta(microseconds=int(due)),
        )

    def note_row_run(self, run: RowRun, rows: int, failed: int, error: str | None) -> None:
        params: Params = {
            **self._of(),
            "processor": run.processor,
            "duration": round(run.seconds * _SECOND),
            "rows": rows,
            "failed": failed,
            "error": error,
        }
        self._write(Command("note_row_run", params))

    def declare_processor(self, processor: str, queue: str) -> None:
        self._write(Command("declare_processor", {**self._of(), "processor": processor, "queue": queue}))

    def prune_rows(self, succeeded: timedelta, cancelled: timedelta, failed: timedelta, limit: int) -> int:
        params: Params = {
            **self._of(),
            "keep_succeeded": micros_in(succeeded),
            "keep_cancelled": micros_in(cancelled),
            "keep_failed": micros_in(failed),
            "limit": limit,
        }
        return len(self._write(Command("prune_rows", params)))

    def count_rows(self, limit: int) -> TableCounts:
        [(waiting, troubled, quarantined)] = self._read(Command("count_rows", {**self._of(), "limit": limit + 1}))
        return TableCounts(
            waiting=min(waiting, limit), is_more=waiting > limit, troubled=troubled, quarantined=quarantined
        )

    def list_troubled_rows(self, limit: int) -> list[TroubledRow]:
        rows = self._read(Command("list_troubled_rows", {**self._of(), "limit": limit}))
        return [
            TroubledRow(
                key=key, trouble=Trouble(*counts), retry_at=moment(due), reason=reason, is_running=bool(is_running)
            )
            for key, *counts, due, reason, is_running in rows
        ]

    def list_gone_rows(self, limit: int, outcome: str | None = None, key: str | None = None) -> list[GoneRow]:
        given = {"outcome": outcome, "key": key}
        options = tuple(name for name, value in given.items() if value is not None)
        params: Params = {**self._of(), **{name: given[name] for name in options}, "limit": limit}
        return [_gone(row) for row in self._read(Command("list_gone_rows", params, options))]

    def list_row_errors(self, limit: int, key: str | None = None) -> list[RowError]:
        options = () if key is None else ("key",)
        params: Params = {**self._of(), "limit": limit, **({} if key is None else {"key": key})}
        return [_error(row) for row in self._read(Command("list_row_errors", params, options))]

    def discard_rows(self, ids: Sequence[int], by: str | None) -> list[int]:
        rows = self._write(Command("discard_rows", {**self._of(), "ids": list_document(ids), "by": by}))
        return sorted(row[0] for row in rows)

    def _of(self) -> dict[str, str | int | None]:
        return {"table": self._spec.name}

    def _recorded(self, acks: Sequence[RowAck], run: RowRun, taken: Sequence[TakenRow]) -> Command:
        """The record of rows that are done."""
        if len(taken) == 1 and not taken[0].is_suspect:
            return self._end_row(taken[0], run)
        return self._end_rows(acks, run, taken)

    def _end_row(self, row: TakenRow, run: RowRun) -> Command:
        params: Params = {
            **self._of(),
            "key": row.key,
            "processor": run.processor,
            "data": self._data(row),
            "log": run.log,
            "name": run.worker,
            "job": run.job_id,
            "duration": round(run.seconds * _SECOND),
        }
        return Command("end_row", params)

    def _end_rows(self, acks: Sequence[RowAck], run: RowRun, taken: Sequence[TakenRow]) -> Command:
        params: Params = {**self._about(acks, run, taken), "job": run.job_id, "duration": round(run.seconds * _SECOND)}
        known = {row.key for row in taken if row.is_suspect}
        return Command("end_rows", params, ("suspects",) if any(ack.key in known for ack in acks) else ())

    def _record_rows(self, acks: Sequence[RowAck], run: RowRun, taken: Sequence[TakenRow]) -> Command:
        """The record of what went wrong with rows."""
        return Command("record_rows", self._about(acks, run, taken))

    def _about(self, acks: Sequence[RowAck], run: RowRun, taken: Sequence[TakenRow]) -> dict[str, str | int | None]:
        acted = {ack.key for ack in acks}
        return {
            **self._of(),
            "row_acks": acks_document(acks, {row.key: self._data(row) for row in taken if row.key in acted}),
            "processor": run.processor,
            "log": run.log,
            "name": run.worker,
        }

    def _data(self, row: TakenRow) -> str | None:
        """A row's columns as JSON, where they are to be kept."""
        return row.data


def acks_document(acks: Iterable[RowAck], data: Mapping[str, str | None]) -> str:
    """What became of rows, as one JSON text; `data` has their columns by key."""
    return rows_document([_ack(ack, data.get(ack.key)) for ack in acks])


def row_slots(spec: TableSpec, key: str, whole: Sequence[str]) -> dict[str, str]:
    """The slots that all dialects fill alike for a table.

    Args:
        spec: the table.
        key: the expression of the key as text.
        whole: all columns that can be written.
    """
    return {
        "rows": quoted(spec.name),
        "row_columns": ", ".join(f't."{name}"' for name in spec.columns),
        "row_key": key,
        "row_order": ", ".join(f't."{name}"' for name in spec.order),
        "row_place": f't."{spec.order[0]}"' if spec.is_ascending else "null",
        "row_whole": ", ".join(f'"{name}"' for name in whole),
    }


def processor_record(row: Row) -> ProcessorRecord:
    """A row of `list_processors.sql`."""
    return ProcessorRecord(
        table=row[0],
        processor=row[1],
        queue=row[2],
        declared_at=moment(row[3]),
        last_run_at=optional_moment(row[4]),
        last_seconds=None if row[5] is None else row[5] / _SECOND,
        last_rows=row[6],
        last_error=row[7],
        rows_done=row[8],
        rows_failed=row[9],
    )


def _ack(ack: RowAck, data: str | None) -> dict[str, Any]:
    error = ack.error
    return {
        "row_key": ack.key,
        "outcome": ack.outcome,
        "failures": ack.trouble.failures,
        "skips": ack.trouble.skips,
        "crashes": ack.trouble.crashes,
        "attempt": ack.trouble.attempts or 1,
        "delay": 0 if ack.delay is None else max(0, ack.delay // MICROSECOND),
        "condemned": None if not ack.leaves else "cancel" if ack.outcome == "cancel" else "fail",
        "reason": ack.reason,
        "error_type": error.type if error else None,
        "error_message": error.message if error else None,
        "error_traceback": error.traceback if error else None,
        "data": data,
    }


def _gone(row: Row) -> GoneRow:
    id, key, outcome, processor, attempts, reason, data, log, worker, duration, ended, by = row
    return GoneRow(
        id=id,
        key=key,
        outcome=outcome,
        processor=processor,
        attempts=attempts,
        reason=reason,
        data=data,
        log=log,
        worker=worker,
        seconds=None if duration is None else duration / _SECOND,
        ended_at=moment(ended),
        decided_by=by,
    )


def _error(row: Row) -> RowError:
    id, key, processor, attempt, outcome, kind, message, trace, data, log, worker, at = row
    return RowError(
        id=id,
        key=key,
        processor=processor,
        attempt=attempt,
        outcome=outcome,
        error=ErrorInfo(kind, message, trace),
        data=data,
        log=log,
        worker=worker,
        occurred_at=moment(at),
    )
