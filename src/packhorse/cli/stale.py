"""`packhorse stale`: what does not get on by itself, for cron and alarms."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from packhorse.cli.exits import ExitCode
from packhorse.cli.flags import json_option, target_options
from packhorse.cli.groups import Command
from packhorse.cli.output import ago, print_json, print_table
from packhorse.cli.target import Target
from packhorse.cli.values import duration_between
from packhorse.domain.durations import duration

if TYPE_CHECKING:
    from packhorse.housekeeping import Stale

JOBS = ("TASK", "QUEUE", "JOBS", "WANTED", "FOR EXAMPLE", "WAITS FOR")
BATCHES = ("BATCH", "PROCESSED", "CREATED", "NAME")
MEANINGS = {
    "hold": "somebody holds it",
    "jobs": "other jobs",
    "serial": "its serial key",
    "group": "its group",
    "task": "no worker knows its task",
}
"""What is said of each thing that a job may wait for."""


@click.command(cls=Command)
@click.option(
    "--longer-than",
    metavar="DURATION",
    type=duration_between("0s", "3650d"),
    default="1d",
    help="How long a job may be blocked, from the moment at which it was wanted.",
)
@json_option
@target_options
def stale(target: Target, *, longer_than: timedelta, as_json: bool) -> int:
    """Find what does not get on by itself.

        packhorse stale || mail -s "jobs are stuck" ops@example.org
        packhorse stale --longer-than 2h --json | jq .jobs

    Jobs that were wanted more than a day ago and are still blocked: held, waiting for a key or for other jobs, or of a
    task that no worker knows. And batches that are open although nothing has come or ended in them for as long as they
    are kept alive. It ends with 1 when there are any.

    Next: `packhorse jobs explain ID`; `packhorse jobs cancel --stale-for 1d --dry-run` and `packhorse batches cancel
    --abandoned --dry-run` give them up.
    """
    found = target.existing.find_stale(longer_than=longer_than)
    if as_json:
        print_json(_document(found))
    elif not found.count:
        click.echo(f"nothing has been stuck for longer than {duration(longer_than)}")
    else:
        _print(found)
    return ExitCode.FAILED if found.count else ExitCode.OK


def _print(found: Stale) -> None:
    jobs = sum(group.count for group in found.jobs)
    if jobs:
        click.echo(f"blocked jobs: {jobs:,}")
        rows = [
            (
                group.task,
                group.queue,
                group.count,
                ago(group.since),
                str(group.lowest_id),
                MEANINGS.get(group.waits_for, group.waits_for),
            )
            for group in found.jobs
        ]
        print_table(JOBS, rows, numbers="JOBS")
    if found.batches:
        click.echo(f"abandoned batches: {len(found.batches):,}")
        of_batches = [
            (str(batch.id), f"{batch.processed:,} of {batch.total:,}", ago(batch.created_at, batch.seen_at), batch.name)
            for batch in found.batches
        ]
        print_table(BATCHES, of_batches)


def _document(found: Stale) -> dict[str, object]:
    from packhorse.cli.batches import batch_document

    return {
        "jobs": [dataclasses.asdict(group) for group in found.jobs],
        "batches": [batch_document(batch) for batch in found.batches],
    }
