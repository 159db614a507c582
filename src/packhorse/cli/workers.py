"""`packhorse workers`: the worker processes that the database knows."""

from __future__ import annotations

import dataclasses

import click

from packhorse.cli.flags import json_option, target_options
from packhorse.cli.groups import LazyGroup
from packhorse.cli.output import ago, print_json, print_table
from packhorse.cli.target import Target

HEADERS = ("WORKER", "STARTED", "EXECUTING", "QUEUES")


@click.group(cls=LazyGroup)
def workers() -> None:
    """Look at the workers.

        packhorse workers list

    Next: `packhorse worker` starts one.
    """


@workers.command("list")
@json_option
@target_options
def list_(target: Target, *, as_json: bool) -> None:
    """List the worker processes.

        packhorse workers list

    By host and process id, since when they run, and how many jobs they hold. Next: `packhorse worker` starts one.
    """
    found = target.existing.list_workers()
    if as_json:
        print_json([dataclasses.asdict(worker) for worker in found])
    elif not found:
        click.echo("no workers: start one with `packhorse worker -A module:app`")
    else:
        rows = [(one.name, ago(one.started_at), one.executing, ", ".join(one.queues) or "all") for one in found]
        print_table(HEADERS, rows, numbers="EXECUTING")
