"""`packhorse batches`: jobs that belong together, how far they are, and waiting for their end."""

from __future__ import annotations

import dataclasses
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from packhorse.cli.flags import json_option, target_options
from packhorse.cli.groups import LazyGroup
from packhorse.cli.output import ago, moment, print_fields, print_json, print_table
from packhorse.cli.target import Target
from packhorse.cli.values import ID, Integer, duration_between
from packhorse.domain.durations import duration

if TYPE_CHECKING:
    from packhorse.domain.batch import BatchRecord

HEADERS = ("ID", "STATE", "PROCESSED", "FAILED", "CANCELLED", "CREATED", "LEFT", "NAME")
NUMBERS = "ID PROCESSED FAILED CANCELLED"
MOST_NAMED = 100
"""How many jobs that did not succeed are shown."""
TOLD_SECONDS = 2.0
"""After how long it is told again how far the batch is."""


@click.group(
    cls=LazyGroup,
    places={"cancel": "packhorse.cli.batch_changes:cancel"},
    elsewhere={"close": "In Python: app.close_batch(ID). `packhorse batches cancel ID` gives one up."},
)
def batches() -> None:
    """Look at batches of jobs, wait for them, and give them up.

        packhorse batches list --open       how far each one is, and how long it will take
        packhorse batches show 7            which of its jobs have failed
        packhorse batches wait 7            until all of them have ended
        packhorse batches cancel 7          nobody will go on with it

    Code makes them: `with app.batch("month end") as batch:` and `task.using(batch=batch).enqueue(…)`.

    Next: `packhorse batches list --help`.
    """


@batches.command("list")
@click.option("--open", "is_open", is_flag=True, help="Only batches that have not ended.")
@click.option("--before", "before_id", type=ID, help="Only ids below this: the next page.")
@click.option("--limit", type=Integer(1, 10_000), default=50, help="At most this many.")
@json_option
@target_options
def list_(target: Target, *, is_open: bool, before_id: int | None, limit: int, as_json: bool) -> None:
    """List batches, the newest first.

        packhorse batches list --open
        packhorse batches list --json | jq '.[] | select(.state == "abandoned").id'

    A batch is `open` until its producer has closed it and all its jobs have ended. STATE is `abandoned` where nothing
    has come or ended for as long as the batch is to be kept alive. LEFT is how long the rest will take at the pace
    until now; `not closed` says that all that came has ended, and more may still come.

    Next: `packhorse batches show ID` says what an open one waits for.
    """
    found = target.existing.list_batches(is_open=is_open, before_id=before_id, limit=limit)
    if as_json:
        print_json([batch_document(batch) for batch in found])
    elif not found:
        click.echo("no batches")
    else:
        print_table(HEADERS, [_row(batch) for batch in found], numbers=NUMBERS)
        if any(batch.is_abandoned for batch in found):
            _hint(target, "abandoned ones are given up by `packhorse batches cancel --abandoned`, which counts first")


@batches.command()
@click.argument("id", type=ID)
@json_option
@target_options
def show(target: Target, id: int, *, as_json: bool) -> None:
    """Show everything about a batch.

        packhorse batches show 7
        packhorse batches show 7 --json | jq .unsuccessful

    Its counters and times, what it waits for, its parent, and the first hundred of its jobs that have failed or were
    cancelled.

    Next: `packhorse jobs list --batch 7` lists its jobs, `packhorse jobs show ID` says why one has failed, and
    `packhorse jobs retry ID` lets it run again.
    """
    app = target.existing
    batch = app.get_batch(id)
    ids = [member.job_id for member in app.list_members(id, unsuccessful=True, limit=MOST_NAMED)]
    if as_json:
        print_json({**batch_document(batch), "unsuccessful": ids})
    else:
        print_fields({**_fields(batch), "not succeeded": " ".join(map(str, ids)) or None})
        if batch.is_waiting_for_more and batch.processed >= batch.enqueued:
            _hint(target, f"if nothing more will come: {_ways_to_end(batch)}")


@batches.command()
@click.argument("id", type=ID)
@click.option(
    "--timeout",
    metavar="TIME",
    type=duration_between("0s", "3650d"),
    default="300s",
    help="How long to wait at most: 30s, 5m, 2h.",
)
@json_option
@target_options
def wait(target: Target, id: int, *, timeout: timedelta, as_json: bool) -> None:
    """Wait until a batch is closed and all its jobs have ended.

        packhorse batches wait 7 && ./send-report
        packhorse batches wait 7 --timeout 2h

    Exits with 1 if one of them has failed or was cancelled, if the batch was given up, or when the time is over. How
    far it is goes to standard error.

    Next: `packhorse batches show ID` names the jobs that have failed.
    """
    batch = _waited(target, id, timeout)
    if as_json:
        print_json(batch_document(batch))
    else:
        click.echo(f"batch {id} ({batch.name}): {batch.succeeded:,} jobs succeeded")


def batch_document(batch: BatchRecord) -> dict[str, Any]:
    """A batch as `--json` prints it; times left and kept alive in seconds."""
    left, alive = batch.time_left, batch.keep_alive
    derived = {
        "state": batch.state,
        "processed": batch.processed,
        "keep_alive": None if alive is None else alive.total_seconds(),
        "time_left": None if left is None else left.total_seconds(),
    }
    return {**dataclasses.asdict(batch), **derived}


def _waited(target: Target, id: int, timeout: timedelta) -> BatchRecord:
    """The batch, when it has ended; meanwhile it is told how far it is."""
    from packhorse.errors import BatchTimeout

    app, ends_at = target.existing, time.monotonic() + timeout.total_seconds()
    while True:
        left = max(0.0, ends_at - time.monotonic())
        try:
            return app.wait_for_batch(id, min(left, TOLD_SECONDS))
        except BatchTimeout:
            if left <= TOLD_SECONDS:
                raise BatchTimeout(f"batch {id} has not ended within {duration(timeout)}") from None
        batch = app.get_batch(id)
        rest = batch.time_left
        click.echo(f"{_progress(batch)} processed{f', {duration(rest)} left' if rest else ''}", err=True)


def _row(batch: BatchRecord) -> tuple[object, ...]:
    return (
        batch.id,
        batch.state,
        _progress(batch),
        batch.failed,
        batch.cancelled,
        ago(batch.created_at, batch.seen_at),
        _left(batch),
        batch.name,
    )


def _left(batch: BatchRecord) -> str | None:
    """How long an open batch will take; or that it is not closed, when that is all that it waits for."""
    if not batch.is_open:
        return None
    if batch.time_left is not None:
        return duration(batch.time_left)
    return "not closed" if batch.closed_at is None and batch.processed >= batch.total else None


def _waits_for(batch: BatchRecord) -> str | None:
    """What keeps an open batch from ending."""
    jobs, missing = batch.enqueued - batch.processed, batch.total - batch.enqueued
    reasons = [
        f"{jobs:,} of its jobs, which have not ended" if jobs else "",
        f"{missing:,} more of the {batch.total:,} jobs that are expected" if missing else "",
        "its producer, which has not closed it" if batch.closed_at is None else "",
    ]
    return "; ".join(filter(None, reasons)) if batch.is_open else None


def _ways_to_end(batch: BatchRecord) -> str:
    cancel = f"`packhorse batches cancel {batch.id}` gives it up"
    can_be_closed = batch.closed_at is None and batch.enqueued >= batch.total
    return f"{cancel}, and app.close_batch({batch.id}) closes it" if can_be_closed else cancel


def _hint(target: Target, text: str) -> None:
    click.echo(target.completed(text), err=True)


def _progress(batch: BatchRecord) -> str:
    return f"{batch.processed:,} of {batch.total:,}"


def _fields(batch: BatchRecord) -> dict[str, object]:
    return {
        "id": batch.id,
        "name": batch.name,
        "type": batch.type,
        "state": batch.state,
        "reason": batch.reason,
        "parent": batch.parent_id,
        "expected": batch.expected,
        "enqueued": batch.enqueued,
        "processed": _progress(batch),
        "succeeded": batch.succeeded,
        "failed": batch.failed,
        "cancelled": batch.cancelled,
        "waits for": _waits_for(batch),
        "time left": duration(batch.time_left) if batch.is_open and batch.time_left is not None else None,
        "keep alive": None if batch.keep_alive is None else duration(batch.keep_alive),
        "created": moment(batch.created_at),
        "first enqueued": moment(batch.first_enqueued_at),
        "last enqueued": moment(batch.last_enqueued_at),
        "last processed": moment(batch.last_processed_at),
        "last job": batch.last_job_id,
        "closed": moment(batch.closed_at),
        "ended": moment(batch.ended_at),
    }
