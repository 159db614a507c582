"""`packhorse enqueue`: add a job by hand, or many from standard input."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from packhorse.cli.flags import json_option, target_options
from packhorse.cli.groups import Command
from packhorse.cli.known import warn_of_unknown_task
from packhorse.cli.target import Target
from packhorse.cli.values import ID, Integer, duration, moment, priority
from packhorse.errors import PayloadError

if TYPE_CHECKING:
    from packhorse.app import Packhorse
    from packhorse.cli.call import CallArguments
    from packhorse.task import Call

STANDARD_INPUT = ("-",)
ON_DUPLICATE = ("refuse", "keep", "replace", "earliest")
CHUNK = 2000
"""How many lines of standard input are stored between two looks at the progress."""


@click.command(cls=Command)
@click.argument("name")
@click.argument("args", nargs=-1)
@click.option("--kwargs", metavar="JSON", help="Arguments by keyword, a JSON object.")
@click.option("--queue", metavar="NAME", help="The queue, in place of the task's.")
@click.option(
    "--priority",
    type=priority,
    metavar="NUMBER|NAME",
    help="Small is urgent; urgent, high, medium, low, minor, or a number.",
)
@click.option("--delay", type=duration, help="Not before this long from now: 30s, 5m, 2h, 1d.")
@click.option("--at", "scheduled_at", type=moment, help="Not before this moment: 2026-12-24T18:00:00+01:00.")
@click.option("--max-attempts", type=Integer(1), help="How many counted failures make it fail for good.")
@click.option("--unique-key", metavar="KEY", help="No two waiting jobs of the task have the same.")
@click.option("--on-duplicate", type=click.Choice(ON_DUPLICATE), help="If another job has the unique key: refuse.")
@click.option("--serial-key", metavar="KEY", help="Jobs with the same one run one at a time, in order.")
@click.option("--group", metavar="KEY", help="Whose job it is, for the limits and shares of groups.")
@click.option("--after", type=ID, multiple=True, help="Not before this job has succeeded; as often as wanted.")
@json_option
@target_options
def enqueue(
    target: Target, name: str, args: Sequence[str], *, kwargs: str | None, as_json: bool, **options: Any
) -> None:
    """Add a job: task NAME, called with ARGS.

        packhorse enqueue shop.jobs.send_invoice 42
        packhorse enqueue shop.jobs.greet Ann --kwargs '{"loud": true}' --delay 5m
        packhorse enqueue shop.jobs.send_invoice '[42, "copy"]'        a JSON array: all arguments
        packhorse enqueue shop.jobs.reindex 7 --unique-key customer:7 --on-duplicate keep
        packhorse enqueue shop.jobs.summary --after 42 --after 43
        jq -c '.[]' orders.json | packhorse enqueue shop.jobs.bill -   a job for each line

    Each argument is a JSON value if it reads as one, else text. Put -- before arguments that begin with a dash. A line
    of standard input is a JSON array (all arguments), a JSON object (keywords) or one value; all lines are enqueued in
    one transaction, or none. Where the application's code is at hand its task checks the call. With a unique key that
    another job has it ends with 6, unless --on-duplicate says keep (that job it is then), replace or earliest.

    Next: `packhorse jobs show ID` tells how the job is doing.
    """
    if options["delay"] is not None and options["scheduled_at"] is not None:
        raise click.UsageError("give --delay or --at, not both")
    calls = _read_calls(args, kwargs)
    ids = _enqueue(target, name, calls, options)
    _print_ids(ids, as_json=as_json)
    if target.path is None:  # otherwise it was refused
        warn_of_unknown_task(target, name, "the job waits for one that does")


def _read_calls(args: Sequence[str], kwargs: str | None) -> list[CallArguments]:
    from packhorse.cli.call import from_lines, from_words

    if tuple(args) != STANDARD_INPUT:
        return [from_words(args, kwargs)]
    try:
        return from_lines(sys.stdin.buffer.read().decode().split("\n"), kwargs)
    except UnicodeDecodeError as error:
        raise click.UsageError(f"standard input is no UTF-8 text: {error}") from None


def _enqueue(target: Target, name: str, calls: Sequence[CallArguments], options: dict[str, Any]) -> list[int]:
    if target.path is not None:
        _check_name(target.app, name)
    app = target.ready
    task = app.named(name).using(**{**options, "after": options["after"] or None})
    jobs = [task.call(*call.args, **call.kwargs) for call in calls]
    try:
        if len(jobs) <= CHUNK:
            return [handle.id for handle in app.enqueue_many(jobs)]
        return _enqueue_in_chunks(app, jobs)
    except PayloadError:
        _refuse_line(calls, jobs)
        raise


def _check_name(app: Packhorse, name: str) -> None:
    """Refuse a task that the application does not have; one that a broken module may hold is stored, and waits."""
    from packhorse.cli.exits import warn

    app.modules.load()
    for module, error in app.modules.failures.items():
        warn(f"{module} can't be imported here: {error}")
    if not app.modules.failures:
        app.registry.get(name)


def _refuse_line(calls: Sequence[CallArguments], jobs: Sequence[Call[Any]]) -> None:
    """One of the calls is not as it should be: say in which line of standard input it stands, if it is from there."""
    from packhorse.domain.signature import encode_plain_call

    for call, job in zip(calls, jobs, strict=True):
        encode = job.signature.encode if job.signature is not None else encode_plain_call
        try:
            encode(job.args, dict(job.kwargs))
        except PayloadError as error:
            if call.line is not None:
                raise PayloadError(f"line {call.line} of standard input: {error}") from error


def _enqueue_in_chunks(app: Packhorse, jobs: Sequence[Call[Any]]) -> list[int]:
    """In one transaction all the same; only the progress is seen."""
    from packhorse.cli.progress import Progress

    ids: list[int] = []
    with app.transaction() as tx, Progress("enqueue", len(jobs)) as progress:
        for start in range(0, len(jobs), CHUNK):
            ids += [handle.id for handle in app.enqueue_many(jobs[start : start + CHUNK], conn=tx)]
            progress.reach(len(ids))
    return ids


def _print_ids(ids: Sequence[int], *, as_json: bool) -> None:
    if as_json:
        from packhorse.cli.output import print_json

        print_json([{"id": id} for id in ids])
    elif len(ids) == 1:
        click.echo(f"job {ids[0]}")
    else:
        click.echo(f"{len(ids):,} jobs" + (f", {ids[0]} to {ids[-1]}" if ids else ""))
