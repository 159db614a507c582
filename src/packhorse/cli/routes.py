"""`packhorse queues routes|route|unroute`: the rules that lead jobs into queues."""

from __future__ import annotations

import dataclasses

import click

from packhorse.cli.exits import ExitCode
from packhorse.cli.flags import json_option, target_options
from packhorse.cli.groups import Command
from packhorse.cli.output import ago, print_json, print_table
from packhorse.cli.selecting import user_name
from packhorse.cli.target import Target

HEADERS = ("PATTERN", "QUEUE", "BY", "MADE")


@click.command(cls=Command)
@json_option
@target_options
def routes(target: Target, *, as_json: bool) -> None:
    """List the rules made at run time, in the order in which they are tried.

        packhorse queues routes

    A queue named in the enqueue itself wins over them, and they win over what the code says.

    Next: `packhorse queues route PATTERN QUEUE` makes one.
    """
    found = target.existing.queues.routes()
    if as_json:
        print_json([dataclasses.asdict(one) for one in found])
    elif not found:
        click.echo("no rules: the code says which queue a job goes into; `packhorse queues route` makes a rule")
    else:
        print_table(HEADERS, [(one.pattern, one.queue, one.created_by, ago(one.created_at)) for one in found])


@click.command(cls=Command)
@click.argument("pattern")
@click.argument("queue")
@click.option("--by", metavar="NAME", help="Who asks, for the record; by default this system's user.")
@target_options
def route(target: Target, pattern: str, queue: str, by: str | None) -> None:
    """Let the jobs of some tasks go into another queue.

        packhorse queues route 'shop.reports.*' slow

    In PATTERN `*` stands for any characters of a task's name and `?` for one; of several that fit the longest counts.
    The rule is for jobs enqueued from now on: producers know it within a few seconds. Some worker must serve the queue.

    Next: `packhorse queues routes`.
    """
    target.existing.queues.route(pattern, queue, by=by or user_name())
    click.echo(f"jobs of tasks that fit {pattern!r} go into queue {queue!r} from now on")


@click.command(cls=Command)
@click.argument("pattern")
@target_options
def unroute(target: Target, pattern: str) -> int:
    """Forget a rule made at run time.

        packhorse queues unroute 'shop.reports.*'

    It ends with 1 when there is none of that pattern. Next: `packhorse queues routes`.
    """
    if target.existing.queues.unroute(pattern):
        click.echo(f"the rule {pattern!r} is removed")
        return ExitCode.OK
    click.echo(f"there is no rule {pattern!r}; `packhorse queues routes` lists them", err=True)
    return ExitCode.FAILED
