"""`packhorse workers`: the worker processes that the database knows."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from packhorse.cli.exits import warn
from packhorse.cli.flags import json_option, target_options
from packhorse.cli.groups import LazyGroup
from packhorse.cli.output import ago, print_json, print_table, told_failure
from packhorse.cli.target import Target

if TYPE_CHECKING:
    from packhorse.domain.worker import WorkerRecord

HEADERS = ("WORKER", "STARTED", "STATUS", "EXECUTING", "QUEUES")


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

    By host and process id, since when they run, and how many jobs they hold. STATUS says whether a worker is alive, or
    since when it has been silent for too long: its jobs are rescued by the next worker that looks.

    Next: `packhorse worker` starts one.
    """
    app = target.existing
    found = app.list_workers()
    if as_json:
        print_json([dataclasses.asdict(worker) for worker in found])
    elif not found:
        click.echo(target.completed("no workers: start one with `packhorse worker`"))
    else:
        print_table(HEADERS, [worker_row(one) for one in found], numbers="EXECUTING")
        for failure in app.list_load_failures():
            warn(told_failure(failure))


def is_alive(worker: WorkerRecord) -> bool:
    """Whether it was heard of within its lease."""
    return worker.expires_at > datetime.now(UTC)


def worker_row(worker: WorkerRecord) -> tuple[object, ...]:
    """What stands below the headers."""
    return (worker.name, ago(worker.started_at), _status(worker), worker.executing, ", ".join(worker.queues) or "all")


def _status(worker: WorkerRecord) -> str:
    if is_alive(worker):
        return "alive"
    is_known_since = worker.expires_at > worker.started_at  # one that was seen to die has a moment long past
    return f"lost {ago(worker.expires_at)}" if is_known_since else "lost"
