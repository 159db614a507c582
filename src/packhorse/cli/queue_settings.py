"""`packhorse queues pause|resume|set|reset|remove|purge`: what operators do with queues, while workers run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

import click

from packhorse.cli.exits import ExitCode
from packhorse.cli.flags import json_option, target_options
from packhorse.cli.groups import Command
from packhorse.cli.known import warn_of_unknown_queue
from packhorse.cli.operate import Order, carry_out, record_options
from packhorse.cli.output import print_json
from packhorse.cli.queues import print_record, record_document
from packhorse.cli.selecting import user_name
from packhorse.cli.target import Target
from packhorse.cli.values import duration, priority
from packhorse.domain.state import LIVE, JobState

if TYPE_CHECKING:
    from packhorse.domain.queue import QueueOptions

WAITING = [state for state in LIVE if state is not JobState.EXECUTING]
NONE = "none"
FLAGS: Mapping[str, bool] = MappingProxyType({"yes": True, "true": True, "on": True, "no": False, "false": False})


@click.command(cls=Command)
@click.argument("names", nargs=-1, required=True)
@click.option("--by", metavar="NAME", help="Who asks, for the record; by default this system's user.")
@click.option("--reason", metavar="TEXT", help="Why, for the record.")
@target_options
def pause(target: Target, names: Sequence[str], by: str | None, reason: str | None) -> None:
    """Let no job of these queues start until they are resumed.

        packhorse queues pause mail --reason "the mail server is down"

    From that moment no worker claims from them. What runs goes on; what workers hold and have not started is given
    back within a second or so. New jobs are taken, and wait.

    Next: `packhorse queues resume NAME`.
    """
    app = target.existing
    for name in names:
        is_new = app.queues.pause(name, by=by or user_name(), reason=reason)
        click.echo(f"queue {name}: {'paused' if is_new else 'was paused before'}")
    warn_of_unknown_queue(target, *names)


@click.command(cls=Command)
@click.argument("names", nargs=-1, required=True)
@target_options
def resume(target: Target, names: Sequence[str]) -> None:
    """Let the jobs of these queues start again.

        packhorse queues resume mail

    Next: `packhorse queues list` shows them shrink.
    """
    app = target.existing
    for name in names:
        click.echo(f"queue {name}: {'resumed' if app.queues.resume(name) else 'was not paused'}")


@click.command("set", cls=Command)
@click.argument("name")
@click.argument("settings", nargs=-1, required=True, metavar="SETTING=VALUE…")
@json_option
@target_options
def set_(target: Target, name: str, settings: Sequence[str], *, as_json: bool) -> None:
    """Change settings of a queue, in place of what code says.

        packhorse queues set mail slots=4 max_running=10 rate=100/m
        packhorse queues set reports priority_floor=low order=aging
        packhorse queues set mail keep_succeeded=1d rate=none

    slots: jobs at once in a worker process. max_running: in all workers together. rate: starts, 100/m or 5/30s.
    group_max_running, group_rate: the same for each group. fair: whether groups take turns, yes or no. order: deadline
    or aging. priority_floor: only this urgent or more. keep_succeeded, keep_cancelled, keep_failed: how long finished
    jobs are kept, 0 for not at all. `none` is no limit, or the default. Of a queue table: batch_size, rows that each of
    its `slots` lanes reads in a run; load_balanced, yes or no; processor, which of several works on it.

    Next: `packhorse queues reset NAME` lets the code have the say again.
    """
    record = target.existing.queues.set(name, **_read(settings))
    warn_of_unknown_queue(target, name)
    _print(record, as_json=as_json)


@click.command(cls=Command)
@click.argument("name")
@click.argument("settings", nargs=-1, metavar="SETTING…")
@json_option
@target_options
def reset(target: Target, name: str, settings: Sequence[str], *, as_json: bool) -> None:
    """Forget what was set at run time: the code has the say again, else the defaults.

        packhorse queues reset mail
        packhorse queues reset mail slots rate

    Next: `packhorse queues show NAME`.
    """
    _print(target.existing.queues.reset(name, *settings), as_json=as_json)


@click.command(cls=Command)
@click.argument("name")
@target_options
def remove(target: Target, name: str) -> int:
    """Forget a queue's record: its settings and its pause.

        packhorse queues remove old-mail

    Its jobs stay and are run with the default settings. A queue that the code declares comes back with the next worker
    that starts. It ends with 1 when there is no record.

    Next: `packhorse queues list`.
    """
    if target.existing.queues.remove(name):
        click.echo(f"queue {name}: its record is removed")
        return ExitCode.OK
    click.echo(f"queue {name}: there is no record", err=True)
    return ExitCode.FAILED


@click.command(cls=Command)
@click.argument("name")
@click.option("--dry-run", is_flag=True, help="Only count.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@record_options
@json_option
@target_options
def purge(target: Target, name: str, by: str | None, **rest: Any) -> int:
    """Cancel all jobs of a queue that wait.

        packhorse queues purge mail --dry-run
        packhorse queues purge mail --why "sent by hand"

    It counts and asks first. What runs goes on; `packhorse queues pause NAME` keeps new jobs from starting meanwhile.

    Next: `packhorse jobs retry --queue NAME --state cancelled` takes it back.
    """
    waiting = {"queue": name, "state": WAITING}
    return carry_out(target, (), waiting, Order(verb="cancel", by=by or user_name(), **rest))


def _read(settings: Sequence[str]) -> QueueOptions:
    """Settings as they were typed; what is wrong with a name or a value the queue says."""
    read: dict[str, object] = {}
    for one in settings:
        name, equals, text = one.partition("=")
        if not equals:
            raise click.UsageError(f"{one!r} is no setting; write it as slots=4")
        read[name] = _value(name, text)
    return cast("QueueOptions", read)


def _value(name: str, text: str) -> object:
    """What a setting's text means; one of an unknown name is left for the queue to refuse."""
    reader = _READERS.get(name, str)
    return None if text == NONE and name not in ("order", "fair") else reader(text)


def _count(text: str) -> object:
    return int(text) if text.isascii() and text.isdigit() and len(text) < len("1000000000") else text


def _flag(text: str) -> object:
    return FLAGS.get(text.lower(), text)


_READERS: Mapping[str, Callable[[str], object]] = MappingProxyType(
    {
        "slots": _count,
        "batch_size": _count,
        "load_balanced": _flag,
        "priority_floor": priority,
        "max_running": _count,
        "group_max_running": _count,
        "fair": _flag,
        "keep_succeeded": duration,
        "keep_cancelled": duration,
        "keep_failed": duration,
    }
)


def _print(record: Any, *, as_json: bool) -> None:
    if as_json:
        print_json({"name": record.name, **record_document(record)})
    else:
        print_record(record)
