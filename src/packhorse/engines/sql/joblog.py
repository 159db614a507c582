"""`JobLog`: what jobs say of themselves while they run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from packhorse.domain.joblog import LogLine, NewLine, NewProgress, Progress
from packhorse.domain.moments import moment
from packhorse.engines.sql.base import SqlBase
from packhorse.engines.sql.documents import list_document
from packhorse.joblog import LogFilter
from packhorse.statement import Row

OLDEST_LINE_US = 86_400_000_000
"""A line that claims to be older than a day was not: the worker's clock was set meanwhile."""


class SqlJobLog(SqlBase):
    """`packhorse.joblog.JobLog` by statements."""

    def write_log(self, lines: Sequence[NewLine], progress: Sequence[NewProgress], now_us: int) -> None:
        params: dict[str, str] = {}
        if lines:
            params["lines"] = _document([_line(line, now_us) for line in sorted(lines, key=_key)])
        if progress:
            params["reports"] = _document(sorted(progress, key=_job))
        if params:
            self._write("write_log", params, *params)

    def list_log(self, filter: LogFilter) -> list[LogLine]:
        given = {"attempt": filter.attempt, "level": filter.level}
        params = {"id": filter.job_id, "limit": filter.limit}
        params |= {name: value for name, value in given.items() if value is not None}
        options = [*params]
        if filter.after is not None:
            options.append("after")
            params |= dict(zip(("after_attempt", "after_sequence"), filter.after, strict=True))
        return [_log_line(row) for row in self._read("list_log", params, *options)]

    def list_progress(self, ids: Sequence[int]) -> list[Progress]:
        return [_progress(row) for row in self._read("list_progress", {"ids": list_document(ids)})]

    def list_logged_jobs(self, after_id: int, limit: int) -> list[int]:
        return [row[0] for row in self._read("list_logged_jobs", {"after_id": after_id, "limit": limit})]

    def delete_stray_logs(self, ids: Sequence[int]) -> int:
        return len(self._write("delete_stray_logs", {"ids": list_document(sorted(ids))}))


def _document(items: Sequence[Any]) -> str:
    return msgspec.json.encode(items).decode()


def _line(line: NewLine, now_us: int) -> dict[str, Any]:
    age = min(max(0, now_us - line.sequence), OLDEST_LINE_US)
    return {**msgspec.structs.asdict(line), "age": age}


def _key(line: NewLine) -> tuple[int, int, int]:
    return line.job_id, line.attempt, line.sequence


def _job(progress: NewProgress) -> int:
    return progress.job_id


def _log_line(row: Row) -> LogLine:
    return LogLine(
        job_id=row[0],
        attempt=row[1],
        sequence=row[2],
        at=moment(row[3]),
        level=row[4],
        logger=row[5],
        message=row[6],
    )


def _progress(row: Row) -> Progress:
    return Progress(job_id=row[0], attempt=row[1], done=row[2], total=row[3], note=row[4], at=moment(row[5]))
