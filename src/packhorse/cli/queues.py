"""`packhorse queues`: the queues and what lies in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from packhorse.cli.flags import json_option, target_options
from packhorse.cli.groups import LazyGroup
from packhorse.cli.output import ago, print_json, print_table
from packhorse.cli.target import Target
from packhorse.domain.state import JobState

if TYPE_CHECKING:
    from packhorse.engine import QueueRecord


@click.group(cls=LazyGroup)
def queues() -> None:
    """Look at the queues.

        packhorse queues list

    Next: `packhorse stats --watch` shows them move.
    """


@queues.command("list")
@json_option
@target_options
def list_(target: Target, *, as_json: bool) -> None:
    """List the queues with their jobs by state.

        packhorse queues list
        packhorse queues list --json | jq '.[] | select(.counts.failed > 0).name'

    OLDEST says since when the longest-waiting job has waited.

    Next: `packhorse jobs list --queue NAME`, or `packhorse stats --watch` to see them move.
    """
    found = target.existing.list_queues()
    if as_json:
        print_json([queue_document(queue) for queue in found])
    else:
        print_queues(found)


def print_queues(queues: Sequence[QueueRecord]) -> None:
    """Print a line for each queue."""
    if not queues:
        click.echo("no queues yet: a queue appears with its first job")
        return
    states = [state.value.upper() for state in JobState]
    rows = [(queue.name, *queue.counts.values(), ago(queue.oldest_available_at)) for queue in queues]
    print_table(["QUEUE", *states, "OLDEST"], rows, numbers=" ".join(states))


def queue_document(queue: QueueRecord) -> dict[str, Any]:
    """The queue as a JSON object."""
    return {"name": queue.name, "counts": dict(queue.counts), "oldest_available_at": queue.oldest_available_at}
