"""`packhorse batches cancel`: give batches up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from packhorse.cli.exits import ExitCode
from packhorse.cli.flags import json_option, target_options
from packhorse.cli.groups import Command
from packhorse.cli.operate import record_options
from packhorse.cli.output import counted, print_json
from packhorse.cli.selecting import confirm, user_name
from packhorse.cli.target import Target
from packhorse.cli.values import ID

if TYPE_CHECKING:
    from packhorse.app import Packhorse
    from packhorse.domain.batch import BatchRecord


@click.command(cls=Command)
@click.argument("ids", type=ID, nargs=-1)
@click.option(
    "--abandoned",
    is_flag=True,
    help="All abandoned ones: open, with nothing new for as long as they were to be kept alive.",
)
@click.option("--dry-run", is_flag=True, help="Only count.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@record_options
@json_option
@target_options
def cancel(
    target: Target,
    ids: Sequence[int],
    by: str | None,
    why: str | None,
    *,
    abandoned: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Give batches up: cancel their jobs, and let them end.

        packhorse batches cancel 7 --why "the file was wrong"
        packhorse batches cancel --abandoned --dry-run

    What waits is cancelled, what runs is asked to stop. The batch ends with its last job, whatever was expected, and is
    `cancelled`. It stays as a record, and so do its jobs, with the reason. It counts and asks first.

    Next: `packhorse batches show ID`.
    """
    if bool(ids) == abandoned:
        raise click.UsageError("say which batches: by their ids, or --abandoned")
    app = target.existing
    found = app.find_stale().batches if abandoned else [app.get_batch(id) for id in dict.fromkeys(ids)]
    jobs = {batch.id: app.select(batch=batch.id).count("cancel").total for batch in found}
    if dry_run or not found:
        _print_count(jobs, as_json=as_json)
        return ExitCode.OK
    if not confirm(_question(jobs), yes=yes):
        click.echo("nothing was done", err=True)
        return ExitCode.FAILED
    _cancel(app, found, by or user_name(), why, as_json=as_json)
    return ExitCode.OK


def _cancel(app: Packhorse, found: Sequence[BatchRecord], by: str | None, why: str | None, *, as_json: bool) -> None:
    done = {batch.id: app.cancel_batch(batch.id, by=by, why=why) for batch in found}
    if as_json:
        print_json([{"id": id, "cancelled": sorted(one.ids), "asked": sorted(one.asked)} for id, one in done.items()])
        return
    for id, one in done.items():
        asked = f", {len(one.asked):,} asked to stop" if one.asked else ""
        click.echo(f"batch {id}: {counted(len(one.ids), 'job')} cancelled{asked}")


def _question(jobs: dict[int, int]) -> str:
    named = ", ".join(map(str, jobs))
    return f"{counted(sum(jobs.values()), 'job')} would be cancelled, in batches {named}"


def _print_count(jobs: dict[int, int], *, as_json: bool) -> None:
    if as_json:
        print_json({"would_be_cancelled": sum(jobs.values()), "batches": [*jobs]})
    else:
        click.echo(_question(jobs) if jobs else "no batch is abandoned")
