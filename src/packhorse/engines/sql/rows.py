"""Rows of our own statements as values. Columns go by position: each function has the order of its statement."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any

from packhorse.domain.job import AttemptRecord, ClaimedJob, JobRecord, Lease
from packhorse.domain.moments import moment, optional_moment
from packhorse.domain.order import aged
from packhorse.domain.package import How, PackageOutcome
from packhorse.domain.state import FINAL, JobState
from packhorse.domain.worker import WorkerRecord
from packhorse.engine import Glance, QueueRecord
from packhorse.statement import Row

by_urgency: Callable[[Row], tuple[Any, ...]] = itemgetter(3, 4, 0)
"""The key of a row of `claim_jobs.sql` in the order of the queue."""


def by_age(row: Row) -> tuple[Any, ...]:
    """The same for a queue whose priorities age."""
    return aged(row[3], row[4], row[0])


claimed_job: Callable[..., ClaimedJob] = ClaimedJob
"""Makes a job of the columns of `claim_jobs.sql` and the lease of its claim."""


def leased_job(row: Row) -> ClaimedJob:
    """A row of `list_leased_jobs.sql` or `list_cancelled_runs.sql`: at the end the lease, and who has cancelled it."""
    *job, worker, number, by = row
    return claimed_job(*job, Lease(worker, number), by)


def job_record(row: Row) -> JobRecord:
    """A row of `select_jobs.sql`."""
    return JobRecord(
        id=row[0],
        task=row[1],
        queue=row[2],
        state=JobState(row[3]),
        priority=row[4],
        args=row[5],
        kwargs=row[6],
        meta=row[7],
        enqueued_at=moment(row[8]),
        order_at=moment(row[9]),
        scheduled_at=optional_moment(row[10]),
        expected_at=optional_moment(row[11]),
        started_at=optional_moment(row[12]),
        finished_at=optional_moment(row[13]),
        attempt=row[14],
        failures=row[15],
        skips=row[16],
        crashes=row[17],
        max_attempts=row[18],
        worker=row[19],
        reason=row[20],
        error_type=row[21],
        error_message=row[22],
        error_traceback=row[23],
        result=row[24],
        waits_for=row[25],
        unique_key=row[26],
        serial_key=row[27],
        group_key=row[28],
        responsible=row[29],
        cancel_at=optional_moment(row[30]),
        cancelled_by=row[31],
    )


_HOW: dict[str, How] = {"succeeded": "done", "failed": "error", "cancelled": "error", "skipped": "skipped"}


def package_outcome(row: Row) -> PackageOutcome:
    """A row of `list_outcomes.sql`."""
    id, task, came_to, attempt, at, reason, error_type, message = row
    why = reason if error_type is None else f"{error_type}: {message}"
    return PackageOutcome(job_id=id, task=task, how=_HOW[came_to], attempt=attempt, at=optional_moment(at), reason=why)


def attempt_record(row: Row) -> AttemptRecord:
    """A row of `list_attempts.sql`."""
    return AttemptRecord(
        job_id=row[0],
        attempt=row[1],
        worker=row[2],
        started_at=optional_moment(row[3]),
        ended_at=moment(row[4]),
        outcome=row[5],
        reason=row[6],
        error_type=row[7],
        error_message=row[8],
        error_traceback=row[9],
    )


def worker_record(row: Row) -> WorkerRecord:
    """A row of `list_workers.sql` or `list_lost_workers.sql`."""
    return WorkerRecord(
        id=row[0],
        name=row[1],
        queues=tuple(json.loads(row[2])),
        started_at=moment(row[3]),
        expires_at=moment(row[4]),
        executing=row[5],
    )


def queue_records(rows: Sequence[Row]) -> list[QueueRecord]:
    """The rows of `list_queues.sql`: one or more for each queue and state, to be added up."""
    in_order = sorted(rows, key=itemgetter(0))
    return [_queue_record(name, list(group)) for name, group in groupby(in_order, key=itemgetter(0))]


def glance(row: Row) -> Glance:
    """The row of `glance.sql`."""
    return Glance(
        ready_queues=_names(row[0]),
        suspect_queues=_names(row[1]),
        parked_tasks=_names(row[2]),
        due_in=_soonest(row[3], row[8], row[9]),
        has_turns=row[6] is not None or row[7] is not None or (row[8] is not None and row[8] <= 0),
        revision=row[5],
        has_lost_workers=bool(row[10]),
        is_registered=bool(row[4]),
    )


def _soonest(*waits: int | None) -> timedelta | None:
    return min((timedelta(microseconds=wait) for wait in waits if wait is not None), default=None)


def _queue_record(name: str, rows: Sequence[Row]) -> QueueRecord:
    counts, at_least, ended = dict.fromkeys(JobState, 0), set[JobState](), dict.fromkeys(FINAL, 0)
    for _, value, number, most, _, ever in rows:
        state = JobState(value)
        counts[state] += number if most is None else min(number, most)
        if most is not None and number > most:
            at_least.add(state)
        if state in FINAL:
            ended[state] = ever
    oldest = min((moment(row[4]) for row in rows if row[4] is not None), default=None)
    return QueueRecord(name=name, counts=counts, at_least=frozenset(at_least), ended=ended, oldest_available_at=oldest)


def _names(document: str | None) -> tuple[str, ...]:
    return tuple(json.loads(document)) if document else ()
