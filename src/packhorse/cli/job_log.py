"""`packhorse jobs log`: what a job has logged, now or while it runs; and how far it is, in words."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from packhorse.cli.exits import ExitCode
from packhorse.cli.flags import json_option, target_options
from packhorse.cli.groups import Command
from packhorse.cli.output import print_json, print_json_line, printable
from packhorse.cli.target import Target
from packhorse.cli.values import ID, Integer
from packhorse.domain.durations import duration
from packhorse.domain.state import JobState

if TYPE_CHECKING:
    from packhorse.app import Packhorse
    from packhorse.domain.job import JobRecord
    from packhorse.domain.joblog import LogLine, Progress

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
COLOURS = {"DEBUG": "bright_black", "WARNING": "yellow", "ERROR": "red", "CRITICAL": "red"}
PAGE = 1000
LOOK_SECONDS = 0.5
"""How often the log is looked at while the job runs."""
LAST_LINES_SECONDS = 1.0
"""For how long after its end a job's last lines may still be on their way."""
LONG_AGO = timedelta(minutes=1)


@click.command(cls=Command)
@click.argument("id", type=ID)
@click.option("--follow", "-f", is_flag=True, help="Go on until the job has ended; exit with 1 if it did not succeed.")
@click.option("--level", type=click.Choice(list(LEVELS)), help="Only lines of this level or above it.")
@click.option("--attempt", type=Integer(1), help="Only lines of this attempt.")
@json_option
@target_options
def log(
    target: Target, id: int, *, follow: bool, level: str | None, attempt: int | None, as_json: bool
) -> ExitCode | None:
    """Show what a job has logged.

        packhorse jobs log 42
        packhorse jobs log 42 --follow             until it has ended
        packhorse jobs log 42 --follow --json      one JSON object in each line

    Whatever the handler says through `logging`, from INFO on, and through `ctx.log`, is kept with the job, also when
    the run fails and its writes are undone. Lines appear within a second.

    Next: `packhorse jobs show ID` has the errors of each attempt, and how far the job is.
    """
    app = target.existing
    job = app.get_job(id)
    where = {"attempt": attempt, "level": LEVELS[level] if level else None}
    if not follow:
        lines = [line for page in pages(app, id, None, where) for line in page]
        _print_once(lines, as_json=as_json)
        return None
    Printer(as_json=as_json).follow(app, job, where)
    return _ended(app.get_job(id))


def pages(app: Packhorse, id: int, after: LogLine | None, where: dict[str, int | None]) -> Iterator[list[LogLine]]:
    """The lines behind this one, page by page, to the end of what is there."""
    while found := list(app.list_log(id, after=after, limit=PAGE, **where)):
        yield found
        after = found[-1]


class Printer:
    """Prints lines as they come, with a heading where another attempt begins."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._last: LogLine | None = None

    def follow(self, app: Packhorse, job: JobRecord, where: dict[str, int | None]) -> None:
        """Print lines until the job has ended and its last ones have come."""
        is_over = _ended_long_ago(job)
        while not job.state.is_final:
            self._print_new(app, job.id, where)
            time.sleep(LOOK_SECONDS)
            job = app.get_job(job.id)
        time.sleep(0 if is_over else LAST_LINES_SECONDS)
        self._print_new(app, job.id, where)

    def print(self, line: LogLine) -> None:
        """Print a line."""
        if self._as_json:
            print_json_line(line_document(line))
        else:
            if line.attempt != (self._last.attempt if self._last else 1):
                click.echo(click.style(f"attempt {line.attempt}", bold=True))
            click.echo(_line_text(line))
        self._last = line

    def _print_new(self, app: Packhorse, id: int, where: dict[str, int | None]) -> None:
        for page in pages(app, id, self._last, where):
            for line in page:
                self.print(line)


def line_document(line: LogLine) -> dict[str, Any]:
    """The line as a JSON object."""
    return {
        "job_id": line.job_id,
        "attempt": line.attempt,
        "at": line.at,
        "level": logging.getLevelName(line.level),
        "logger": line.logger,
        "message": line.message,
    }


def progress_document(progress: Progress | None, job: JobRecord) -> dict[str, Any] | None:
    """How far the job is as a JSON object; None when it never said."""
    if progress is None:
        return None
    left = _time_left(progress, job)
    return {
        "attempt": progress.attempt,
        "done": _figure(progress.done),
        "total": None if progress.total is None else _figure(progress.total),
        "percent": None if progress.percent is None else round(progress.percent, 1),
        "seconds_left": None if left is None else round(left.total_seconds(), 1),
        "note": progress.note,
        "at": progress.at,
    }


def progress_text(progress: Progress | None, job: JobRecord) -> str | None:
    """How far the job is, for people: `1,200 of 5,000 (24 %), about 3 min left: importing`."""
    if progress is None:
        return None
    text = f"{_figure(progress.done):,}"
    if progress.total is not None and progress.percent is not None:
        text += f" of {_figure(progress.total):,} ({int(progress.percent)} %)"
    if (left := _time_left(progress, job)) is not None:
        text += f", about {duration(left)} left"
    return text if not progress.note else f"{text}: {progress.note}"


def _time_left(progress: Progress, job: JobRecord) -> timedelta | None:
    is_running = job.state is JobState.EXECUTING and job.attempt == progress.attempt
    return progress.time_left(job.started_at) if is_running and job.started_at is not None else None


def _figure(value: float) -> int | float:
    return int(value) if value.is_integer() else value


def _print_once(lines: list[LogLine], *, as_json: bool) -> None:
    if as_json:
        print_json([line_document(line) for line in lines])
    elif not lines:
        click.echo("no lines")
    else:
        printer = Printer(as_json=False)
        for line in lines:
            printer.print(line)


def _line_text(line: LogLine) -> str:
    name = logging.getLevelName(line.level)
    at = line.at.astimezone().strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    message = printable(line.message).replace("\n", "\n    ")
    level = click.style(f"{name:<8}", fg=COLOURS.get(name))
    return f"{at}  {level}  {printable(line.logger, lines=False)}: {message}"


def _ended_long_ago(job: JobRecord) -> bool:
    """Whether no line can be on its way any more, even if the database's clock is not quite ours."""
    return job.finished_at is not None and datetime.now(UTC) - job.finished_at > LONG_AGO


def _ended(job: JobRecord) -> ExitCode:
    reason = f": {printable(job.reason, lines=False)}" if job.reason else ""
    click.echo(f"job {job.id} {job.state.value}{reason}", err=True)
    return ExitCode.OK if job.state is JobState.SUCCEEDED else ExitCode.FAILED
