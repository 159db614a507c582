"""`packhorse schedules run|pause|resume|put|remove|sync`: what operators do with schedules, while workers run."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from packhorse.cli.exits import warn
from packhorse.cli.flags import json_option, target_options
from packhorse.cli.groups import Command
from packhorse.cli.known import warn_of_unknown_task
from packhorse.cli.selecting import user_name
from packhorse.cli.target import Target
from packhorse.cli.values import duration

if TYPE_CHECKING:
    from packhorse.domain.schedule.rule import Rule

BY_HELP = "Who asks, for the record; by default this system's user."


@click.command(cls=Command)
@click.argument("name")
@click.option("--by", metavar="NAME", help=BY_HELP)
@json_option
@target_options
def run(target: Target, name: str, *, by: str | None, as_json: bool) -> None:
    """Start a run of a schedule now; its ticks come as before.

        packhorse schedules run shop.report

    A paused one can be run so, too. It is refused while a run has not ended, unless the schedule allows several.

    Next: `packhorse jobs show ID` tells how the job is doing.
    """
    handle = target.existing.schedules.run(name, by=by or user_name())
    if as_json:
        from packhorse.cli.output import print_json

        print_json({"id": handle.id})
    else:
        click.echo(f"job {handle.id}")


@click.command(cls=Command)
@click.argument("names", nargs=-1, required=True)
@click.option("--by", metavar="NAME", help=BY_HELP)
@click.option("--reason", metavar="TEXT", help="Why, for the record.")
@json_option
@target_options
def pause(target: Target, names: Sequence[str], *, by: str | None, reason: str | None, as_json: bool) -> None:
    """Let no tick of these schedules run until they are resumed.

        packhorse schedules pause shop.report --reason "the printer is broken"

    A run that has begun goes on.

    Next: `packhorse schedules resume NAME`.
    """
    paused = target.existing.schedules.pause(*names, by=by or user_name(), reason=reason)
    _report(names, paused, "paused", "was paused before", as_json=as_json)


@click.command(cls=Command)
@click.argument("names", nargs=-1, required=True)
@json_option
@target_options
def resume(target: Target, names: Sequence[str], *, as_json: bool) -> None:
    """Let paused schedules go on with their next tick; what they did not do meanwhile is not made up for.

        packhorse schedules resume shop.report

    Next: `packhorse schedules show NAME` says when that is; `packhorse schedules run NAME` does not wait for it.
    """
    resumed = target.existing.schedules.resume(*names)
    _report(names, resumed, "resumed", "was not paused", as_json=as_json)


@click.command(cls=Command)
@click.argument("name")
@click.argument("task")
@click.argument("args", nargs=-1)
@click.option("--cron", "expression", metavar="EXPRESSION", help="When: five fields, or @daily and the like.")
@click.option("--every", type=duration, help="When: 30s, 5m, 2h, 1d.")
@click.option("--tz", metavar="ZONE", default="UTC", help="The time zone whose clocks are meant.")
@click.option("--kwargs", metavar="JSON", help="Arguments by keyword, a JSON object.")
@click.option("--queue", metavar="NAME", help="The queue, in place of the task's.")
@click.option("--missed", type=click.Choice(["skip", "one", "all"]), default="one", help="What missed ticks come to.")
@click.option(
    "--overlap", type=click.Choice(["skip", "queue", "allow"]), default="skip", help="What becomes of a tick meanwhile."
)
@click.option("--alarm-after", type=duration, help="A run that takes longer raises an alarm.")
@click.option("--pause-on-failure", is_flag=True, help="A run that fails for good pauses the schedule.")
@json_option
@target_options
def put(
    target: Target,
    name: str,
    task: str,
    args: Sequence[str],
    *,
    expression: str | None,
    every: timedelta | None,
    tz: str,
    kwargs: str | None,
    queue: str | None,
    as_json: bool,
    **policy: Any,
) -> None:
    """Make a schedule at run time, or change one that was made so: task TASK, called with ARGS.

        packhorse schedules put nightly shop.jobs.clean --cron "30 2 * * *" --tz Europe/Berlin
        packhorse schedules put poll shop.jobs.fetch 42 --every 5m --overlap skip

    ARGS are read as those of `packhorse enqueue`. The schedules of the code can't be changed here.

    Next: `packhorse schedules show NAME` says when it comes due.
    """
    from packhorse.cli.call import from_words

    rule = _rule(expression, every, tz)
    app = target.ready
    given = from_words(args, kwargs)
    call = app.named(task).using(queue=queue).call(*given.args, **given.kwargs)
    stored = {name} if app.schedules.put(name, rule, call, **policy) else set[str]()
    _report([name], stored, "stored", "was so before", as_json=as_json)
    warn_of_unknown_task(target, task, "its jobs wait for one that does")


@click.command(cls=Command)
@click.argument("names", nargs=-1, required=True)
@json_option
@target_options
def remove(target: Target, names: Sequence[str], *, as_json: bool) -> None:
    """Delete schedules and the record of their runs. Their jobs stay.

        packhorse schedules remove nightly

    One that stands in the code comes back when a worker with that code starts: pause it instead.

    Next: `packhorse schedules list`.
    """
    schedules = target.existing.schedules
    owners = {one.name: one.owner for one in schedules.list() if one.is_declared}
    removed = schedules.remove(*names)
    _report(names, removed, "removed", "was gone before", as_json=as_json)
    for name in sorted(removed & owners.keys()):
        again = f"{name} is declared in {owners[name]}, so it comes back when a worker with that code starts"
        warn(target.completed(f"{again}; `packhorse schedules pause {name}` would keep it from running then"))


@click.command(cls=Command)
@json_option
@target_options
def sync(target: Target, *, as_json: bool) -> None:
    """Store the schedules of the application's code now, as its workers do when they start.

        packhorse schedules sync -A shop.jobs:app

    Here the code at hand wins in any case, which settles it after a rollback while workers of both versions run.

    Next: `packhorse schedules list`.
    """
    target.needed_path  # noqa: B018 - refuses where no code is named
    done = target.ready.schedules.sync()
    if as_json:
        from packhorse.cli.output import print_json

        print_json(done)
    elif not done:
        click.echo("no schedules are declared in the code")
    for name, what in [] if as_json else sorted(done.items()):
        click.echo(f"schedule {name}: {what}")


def _report(names: Sequence[str], done: Collection[str], what: str, otherwise: str, *, as_json: bool) -> None:
    if as_json:
        from packhorse.cli.output import print_json

        print_json({what: sorted(done)})
        return
    for name in names:
        click.echo(f"schedule {name}: {what if name in done else otherwise}")


def _rule(expression: str | None, every: timedelta | None, tz: str) -> Rule:
    from packhorse.domain.schedule.cron import Cron
    from packhorse.scheduling import every_rule

    if (expression is None) == (every is None):
        raise click.UsageError("give --cron or --every, one of them")
    return Cron(expression=expression, tz=tz) if expression is not None else every_rule(every, tz=tz)
