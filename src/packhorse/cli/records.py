"""Jobs and attempts as commands print them, for people and for programs."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import click

from packhorse.cli.output import ago, coloured, moment, print_fields, print_table, printable
from packhorse.domain.job import AttemptRecord, JobRecord, run_time, wait_time
from packhorse.explaining import Needed

DECODED = ("args", "kwargs", "meta", "result")
"""The fields that hold JSON."""
NOTHING: Mapping[str, str | None] = MappingProxyType({})
HEADERS = ("ID", "STATE", "TASK", "QUEUE", "PRIORITY", "ATTEMPT", "ENQUEUED", "ABOUT")


def print_jobs(jobs: Sequence[JobRecord]) -> None:
    """Print a line for each job."""
    if jobs:
        print_table(HEADERS, [_row(job) for job in jobs], numbers="ID PRIORITY ATTEMPT")
    else:
        click.echo("no jobs")


def print_job(job: JobRecord, attempts: Sequence[AttemptRecord], standing: Mapping[str, str | None] = NOTHING) -> None:
    """Print everything about a job; `standing` says what is not in its record, such as how far it is."""
    print_fields(
        {
            "job": job.id,
            "task": job.task,
            "state": job.state.value,
            "reason": job.reason,
            "asked to stop": _asked_text(job),
            **standing,
            "queue": job.queue,
            "priority": job.priority,
            "args": job.args,
            "kwargs": job.kwargs,
            "meta": job.meta,
            "unique key": job.unique_key,
            "serial key": job.serial_key,
            "group": job.group_key,
            "responsible": job.responsible,
            "attempts": _attempts_text(job),
            "worker": job.worker,
            "result": job.result,
            "error": _error_text(job),
        }
    )
    _print_timeline(job)
    for attempt in attempts:
        is_final = attempt.attempt == job.attempt and attempt.outcome == "fail"
        _print_attempt(attempt, told={job.reason, _error_text(job)} if is_final else set())


def job_document(job: JobRecord) -> dict[str, Any]:
    """The job as a JSON object; its arguments and its result as values, or as text where they are no JSON."""
    document = dataclasses.asdict(job)
    times = {"wait_seconds": _seconds(wait_time(job)), "run_seconds": _seconds(run_time(job))}
    return {name: decoded(value) if name in DECODED else value for name, value in document.items()} | times


def attempt_document(attempt: AttemptRecord) -> dict[str, Any]:
    """The attempt as a JSON object."""
    return dataclasses.asdict(attempt)


def needed_document(needed: Needed) -> dict[str, Any]:
    """A job that another one waits for as a JSON object."""
    return dataclasses.asdict(needed)


def needed_text(needed: Sequence[Needed]) -> str | None:
    """The jobs that one waits for, a line for each; of which any end will do, that is said."""
    return "\n".join(_needed_line(one) for one in needed) or None


def _needed_line(one: Needed) -> str:
    need = "" if one.needs == "success" else ", any end will do"
    return f"job {one.id} ({one.state or 'not recorded any more'}{need})"


def _row(job: JobRecord) -> tuple[object, ...]:
    name, at = job.state.value, ago(job.enqueued_at)
    return (str(job.id), name, job.task, job.queue, job.priority, job.attempt, at, _about(job))


def _about(job: JobRecord) -> str:
    if job.error_type is not None:
        return f"{job.error_type}: {job.error_message}"
    if job.reason is not None:
        return job.reason
    return f"due {ago(job.scheduled_at)}" if job.state == "scheduled" else ""


def _attempts_text(job: JobRecord) -> str:
    counted = {"failures": job.failures, "skips": job.skips, "crashes": job.crashes}
    more = ", ".join(f"{name} {count}" for name, count in counted.items() if count)
    bound = "" if job.max_attempts is None else f", at most {job.max_attempts} failures"
    return f"{job.attempt}{f' ({more})' if more else ''}{bound}"


def _seconds(length: timedelta | None) -> float | None:
    return None if length is None else length.total_seconds()


def _asked_text(job: JobRecord) -> str | None:
    return None if job.cancel_at is None else f"{ago(job.cancel_at)}, by {job.cancelled_by}"


def _error_text(one: JobRecord | AttemptRecord) -> str | None:
    return None if one.error_type is None else f"{one.error_type}: {one.error_message}"


def _print_timeline(job: JobRecord) -> None:
    times = {
        "enqueued": job.enqueued_at,
        "due": job.scheduled_at,
        "wanted by": job.expected_at,
        "started": job.started_at,
        "finished": job.finished_at,
    }
    lengths = {"waited": wait_time(job), "ran": run_time(job)}
    click.echo()
    print_fields(
        {name: f"{moment(at)}  ({ago(at)})" for name, at in times.items() if at is not None}
        | {name: f"{length.total_seconds():.3f} s" for name, length in lengths.items() if length is not None}
    )


def _print_attempt(attempt: AttemptRecord, told: Collection[str | None]) -> None:
    """Print how a run ended, but for what was told of the job already."""
    by = f" on {printable(attempt.worker, lines=False)}" if attempt.worker else ""
    heading = f"attempt {attempt.attempt}: {attempt.outcome}, {moment(attempt.ended_at)}{by}"
    click.echo(f"\n{click.style(heading, bold=True)}")
    if attempt.reason and attempt.reason not in {attempt.error_type, *told}:
        click.echo(f"  {printable(attempt.reason)}")
    text = attempt.error_traceback or _error_text(attempt)
    if text is not None and text not in told:
        click.echo(coloured("failed", "  " + printable(text.rstrip()).replace("\n", "\n  ")))


def decoded(text: str | None) -> Any:
    """The value that a JSON text stands for; what is none stays as it is."""
    try:
        return None if text is None else json.loads(text)
    except ValueError:
        return text
