"""`packhorse stats`: how many jobs there are in each state and queue, once or again and again."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from packhorse.cli.counts import shown_count, shown_counts
from packhorse.cli.figures import print_figures
from packhorse.cli.flags import is_on_command_line, json_option, target_options
from packhorse.cli.groups import Command
from packhorse.cli.output import coloured, moment
from packhorse.cli.target import Target
from packhorse.cli.values import duration_between
from packhorse.domain.statistics import DIMENSIONS

if TYPE_CHECKING:
    from packhorse.app import Packhorse
    from packhorse.domain.statistics import Dimension

CLEAR = "\x1b[H\x1b[J"
"""Moves to the top of the terminal and clears what is below."""


@click.command(cls=Command)
@click.option("--watch", is_flag=True, help="Look again and again, until Ctrl-C.")
@click.option(
    "--interval", type=duration_between("100ms", "1d"), default="1s", help="How long between two looks with --watch."
)
@click.option(
    "--by",
    "names",
    type=click.Choice(DIMENSIONS),
    multiple=True,
    help="Figures of each hour, queue or task instead; may be given several times.",
)
@click.option(
    "--last", type=duration_between("1s", "30d"), default="24h", help="With --by: hours that began since then."
)
@click.option("--queue", metavar="NAME", help="With --by: only this queue.")
@click.option("--task", metavar="NAME", help="With --by: only this task.")
@json_option
@target_options
def stats(
    target: Target, *, watch: bool, interval: timedelta, names: Sequence[Dimension], as_json: bool, **which: Any
) -> None:
    """Count the jobs by state and queue, or tell what has become of them by hour, queue and task.

        packhorse stats
        packhorse stats --by task            in the queue, runs, processed, errors, skipped, durations
        packhorse stats --by hour --by task --last 7d
        packhorse stats --watch              refreshed every second, with the rate of finished jobs
        packhorse stats --watch --json       one JSON object in each line

    Finished jobs are counted exactly, however many are kept. Of a long backlog it says "more than", and in JSON
    `at_least` names such states.

    With --by it tells what has ended within a day, as a worker adds it up every minute. ERRORS and SKIPPED are runs: a
    skipped one leaves its job in the queue. FAILED are the jobs that failed for good. AVERAGE and TOTAL are how long
    the last runs took of the jobs that succeeded or failed. What is not kept is not counted.

    Next: `packhorse jobs list --state failed`, `packhorse workers list`.
    """
    if not watch and is_on_command_line("interval"):
        raise click.UsageError("--interval goes with --watch")
    if names:
        if watch:
            raise click.UsageError("--by and --watch do not go together")
        print_figures(target.existing, names, as_json=as_json, **which)
        return
    if any(map(is_on_command_line, ("last", "queue", "task"))):
        raise click.UsageError("--last, --queue and --task go with --by")
    app = target.existing
    figures = look(app, None)
    show(figures, as_json=as_json, watch=watch)
    while watch:
        try:
            time.sleep(interval.total_seconds())
        except KeyboardInterrupt:
            return
        figures = _look_again(app, figures)
        show(figures, as_json=as_json, watch=True)


def look(app: Packhorse, before: dict[str, Any] | None) -> dict[str, Any]:
    """The figures of now; with the rate since `before`."""
    from datetime import UTC, datetime

    from packhorse.cli.counts import total_document
    from packhorse.cli.queues import queue_document
    from packhorse.cli.workers import is_alive

    queues = app.list_queues()
    figures: dict[str, Any] = {
        "at": datetime.now(UTC),
        "database": app.engine.address,
        **total_document(queues),
        "queues": [queue_document(queue) for queue in queues],
        "workers": sum(map(is_alive, app.list_workers())),
        "finished_per_s": None,
    }
    if before is not None and "ended" in before:
        seconds = (figures["at"] - before["at"]).total_seconds()
        figures["finished_per_s"] = round(max(0, _finished(figures) - _finished(before)) / seconds, 1)
    return figures


def show(figures: dict[str, Any], *, as_json: bool, watch: bool) -> None:
    """Print the figures; on a terminal in place of those before."""
    from packhorse.cli.output import print_json, print_json_line

    if as_json:
        (print_json_line if watch else print_json)(figures)
        return
    if watch:
        click.echo(CLEAR if sys.stdout.isatty() else "", nl=not sys.stdout.isatty())
    _print(figures)


def _look_again(app: Packhorse, before: dict[str, Any]) -> dict[str, Any]:
    """A database that goes away while it is watched is waited for."""
    from datetime import UTC, datetime

    from packhorse.errors import DatabaseError

    try:
        return look(app, before)
    except DatabaseError as error:
        return {"at": datetime.now(UTC), "database": app.engine.address, "error": str(error)}


def _print(figures: dict[str, Any]) -> None:
    click.echo(f"{figures['database']}  {moment(figures['at'])}")
    if "error" in figures:
        click.echo(coloured("failed", f"{figures['error']}; trying again"))
        return
    parts = [
        f"{coloured(state)} {shown_count(state, count, figures['at_least'])}"
        for state, count in figures["states"].items()
    ]
    parts.append(f"workers {figures['workers']:,}")
    if figures["finished_per_s"] is not None:
        parts.append(f"{figures['finished_per_s']:,g} finished/s")
    click.echo("  ".join(parts))
    _print_queues(figures["queues"])


def _print_queues(queues: list[dict[str, Any]]) -> None:
    from packhorse.cli.output import ago, print_table

    if queues:
        click.echo()
        states = list(queues[0]["counts"])
        rows = [
            (one["name"], *shown_counts(one["counts"], one["at_least"]), ago(one["oldest_available_at"]))
            for one in queues
        ]
        print_table(["QUEUE", *map(str.upper, states), "OLDEST"], rows, numbers=" ".join(states).upper())


def _finished(figures: dict[str, Any]) -> int:
    return sum(figures["ended"].values())
