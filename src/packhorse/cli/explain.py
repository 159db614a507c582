"""`packhorse jobs explain`: why a job does not run."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import click

from packhorse.cli.flags import json_option, target_options
from packhorse.cli.groups import Command
from packhorse.cli.output import coloured, print_json, printable
from packhorse.cli.target import Target
from packhorse.cli.values import ID

if TYPE_CHECKING:
    from packhorse.domain.explanation import Explanation, Reason


@click.command(cls=Command)
@click.argument("id", type=ID)
@json_option
@target_options
def explain(target: Target, id: int, *, as_json: bool) -> None:
    """Say why a job does not run, or what has become of it.

        packhorse jobs explain 42
        packhorse jobs explain 42 --json | jq -r '.reasons[0].code'

    The most important reason comes first, with what can be done about it: its queue is paused, another job has its
    serial key, a limit is reached, no live worker knows its task, so many jobs are before it. The rules are those by
    which workers claim jobs.

    Next: `packhorse jobs show ID` has everything else about the job.
    """
    found = target.existing.explain(id)
    if as_json:
        print_json(explanation_document(found))
        return
    click.echo(
        f"job {found.id} of {printable(found.task, lines=False)} in {found.queue}: {coloured(found.state.value)}"
    )
    for reason in found.reasons:
        click.echo(f"  - {_told(reason)}")
        if reason.advice:
            click.echo(f"      {click.style('do', bold=True)} {target.completed(reason.advice)}")


def explanation_document(found: Explanation) -> dict[str, Any]:
    """The explanation as a JSON object; the wait in seconds."""
    document = dataclasses.asdict(found)
    wait = document.pop("wait")
    return {**document, "wait_seconds": None if wait is None else round(wait.total_seconds(), 1)}


def _told(reason: Reason) -> str:
    return printable(reason.text, lines=False)
