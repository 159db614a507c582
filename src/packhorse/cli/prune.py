"""`packhorse prune`: delete now what workers delete little by little."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from packhorse.cli.exits import ExitCode
from packhorse.cli.flags import json_option, target_options
from packhorse.cli.groups import Command
from packhorse.cli.operate import stoppable
from packhorse.cli.output import counted, print_json
from packhorse.cli.progress import Progress
from packhorse.cli.target import Target

if TYPE_CHECKING:
    from packhorse.housekeeping import Deleted


@click.command(cls=Command)
@click.option("--dry-run", is_flag=True, help="Only count.")
@json_option
@target_options
def prune(target: Target, *, dry_run: bool, as_json: bool) -> int:
    """Delete the finished jobs whose time is over.

        packhorse prune --dry-run
        packhorse prune --json | jq .left

    Workers do so by themselves, slowly; this is for databases without a worker, for cron at night, and after a great
    change of the settings. It deletes up to 1,000 jobs in a transaction, those of a batch only when the whole batch may
    go. It tells how many were deleted, and how many are left whose time is over: their batch has not ended or is not
    old enough, or other jobs were to wait for them. Ctrl-C ends it behind a chunk.

    Next: `packhorse queues set NAME keep_succeeded=12h` says how long finished jobs are kept.
    """
    from packhorse.housekeeping import Deleted

    app = target.existing
    found = app.count_expired()
    if dry_run:
        _print_count(found, as_json=as_json)
        return ExitCode.OK
    deleted, is_stopped = Deleted(), False
    with stoppable() as stopped, Progress("deleted", found) as progress:
        for deleted in app.prune_steps():
            progress.reach(deleted.jobs)
            if is_stopped := stopped.is_set():
                break
    _print(deleted, app.count_expired(), as_json=as_json)
    return ExitCode.INTERRUPTED if is_stopped else ExitCode.OK


def _print_count(found: int, *, as_json: bool) -> None:
    if as_json:
        print_json({"expired": found})
    else:
        click.echo(f"{counted(found, 'finished job')}, whose time is over")


def _print(deleted: Deleted, left: int, *, as_json: bool) -> None:
    if as_json:
        print_json({"jobs": deleted.jobs, "batches": deleted.batches, "left": left})
    else:
        click.echo(f"{counted(deleted.jobs, 'job')} deleted; batches: {deleted.batches:,}")
        if left:
            click.echo(f"{counted(left, 'job')} left although their time is over: kept for a batch or other jobs")
