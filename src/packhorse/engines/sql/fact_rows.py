"""The rows of `explain.sql`, as facts, and of `list_needed.sql`. Columns go by position, part by part."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from packhorse.domain.explanation import (
    Ended,
    Facts,
    GroupFacts,
    JobFacts,
    KeyFacts,
    LoadProblem,
    NeededJob,
    QueueFacts,
    WorkerFacts,
)
from packhorse.domain.moments import moment, optional_moment
from packhorse.domain.state import JobState
from packhorse.domain.worker import WorkerRecord
from packhorse.explaining import Needed
from packhorse.statement import Row

Seen = Callable[[WorkerRecord], WorkerRecord]


def facts(row: Row, as_seen: Seen) -> Facts:
    """What the row says; `as_seen` adds to a worker's row what else is known of it."""
    columns = iter(row)
    now, job = moment(next(columns)), _job(columns)
    claimable, free_permits, ahead, suspects = (next(columns) for _ in range(4))
    queue = _queue(columns)
    workers, other_tasks, problems = (json.loads(next(columns) or "[]") for _ in range(3))
    return Facts(
        now=now,
        job=job,
        claimable=bool(claimable),
        free_permits=free_permits,
        ahead=ahead,
        suspects=suspects,
        queue=queue,
        workers=[_worker(one, as_seen) for one in workers],
        other_tasks=other_tasks,
        load_problems=[LoadProblem(module=module, host=host, error=error) for module, host, error in problems],
        key=_key(columns),
        group=_group(columns),
        needed=_needed(next(columns)),
    )


def needed(row: Row) -> Needed:
    """A row of `list_needed.sql`."""
    id, state, needs = row
    return Needed(id=id, state=None if state is None else JobState(state), needs=needs)


def _job(columns: Iterator[Any]) -> JobFacts:
    return JobFacts(
        id=next(columns),
        task=next(columns),
        queue=next(columns),
        state=JobState(next(columns)),
        priority=next(columns),
        scheduled_at=optional_moment(next(columns)),
        started_at=optional_moment(next(columns)),
        finished_at=optional_moment(next(columns)),
        attempt=next(columns),
        failures=next(columns),
        max_attempts=next(columns),
        crashes=next(columns),
        reason=next(columns),
        waits_for=next(columns),
        is_fresh=bool(next(columns)),
        serial_key=next(columns),
        group_key=next(columns),
        worker_id=next(columns),
        worker=next(columns),
        cancel_at=optional_moment(next(columns)),
        cancelled_by=next(columns),
        error_type=next(columns),
        error_message=next(columns),
        dismissed_at=optional_moment(next(columns)),
        dismissed_by=next(columns),
    )


def _queue(columns: Iterator[Any]) -> QueueFacts:
    ended = [Ended(number=next(columns), since=optional_moment(next(columns))) for _ in range(2)]
    return QueueFacts(
        ended=ended,
        paused_at=optional_moment(next(columns)),
        paused_by=next(columns),
        paused_reason=next(columns),
        priority_floor=next(columns),
        slots=next(columns),
        max_running=next(columns),
        rate_count=next(columns),
        rate_period=timedelta(microseconds=next(columns) or 0),
        next_at=optional_moment(next(columns)),
        running=next(columns),
        started=next(columns),
    )


def _worker(one: list[Any], as_seen: Seen) -> WorkerFacts:
    id, name, queues, started_at, expires_at, knows_task, executing, runs_alone = one
    record = WorkerRecord(
        id=id,
        name=name,
        queues=tuple(json.loads(queues)),
        started_at=moment(started_at),
        expires_at=moment(expires_at),
        executing=executing,
    )
    return WorkerFacts(record=as_seen(record), knows_task=bool(knows_task), runs_alone=runs_alone)


def _key(columns: Iterator[Any]) -> KeyFacts:
    holder, state = next(columns), next(columns)
    return KeyFacts(
        holder=holder,
        state=None if state is None else JobState(state),
        waits_for=next(columns),
        started_at=optional_moment(next(columns)),
        scheduled_at=optional_moment(next(columns)),
        worker=next(columns),
        ahead=next(columns),
    )


def _group(columns: Iterator[Any]) -> GroupFacts:
    return GroupFacts(
        max_running=next(columns),
        rate_count=next(columns),
        rate_period=timedelta(microseconds=next(columns) or 0),
        is_fair=bool(next(columns)),
        next_at=optional_moment(next(columns)),
        inside=next(columns),
        ahead=next(columns),
    )


def _needed(document: str | None) -> list[NeededJob]:
    return [NeededJob(id=id, state=JobState(state), needs=needs) for id, state, needs in json.loads(document or "[]")]
