"""Which jobs a command is for: ids, or filters that many jobs may fit; how many; and whether the user goes on."""

from __future__ import annotations

import functools
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from packhorse.cli.exits import Complaint, ExitCode
from packhorse.cli.flags import Callback
from packhorse.cli.output import counted, printable
from packhorse.cli.values import ID, duration
from packhorse.domain.state import JobState

if TYPE_CHECKING:
    from packhorse.selected import Counted

SHOWN_TASKS = 5
"""How many tasks a summary names."""
FILTERS = ("queue", "task", "key", "error_type", "message", "responsible", "older_than", "newer_than")
OF_JOBS = (*FILTERS, "stale_for", "batch")
"""Those, and what the inbox has no use for."""
STATES = [state.value for state in JobState]
WHICH = "say which jobs: by their ids, by filters such as --queue and --task, or --all"


def filter_options(command: Callback) -> Callback:
    """Add the filters, --dry-run and --yes; the command receives what was given as `filters`."""

    @functools.wraps(command)
    def with_filters(*args: Any, state: Sequence[str], everything: bool, **rest: Any) -> Any:
        values = {name: rest.pop(name) for name in OF_JOBS}
        filters: dict[str, Any] = {name: value for name, value in values.items() if value is not None}
        if state:
            filters["state"] = list(state)
        if everything:
            filters["everything"] = True
        return command(*args, filters=filters, **rest)

    for option in reversed((_STATE, *_FILTERS, *_OF_JOBS, *_ASKING)):
        with_filters = option(with_filters)
    return with_filters


def inbox_filter_options(command: Callback) -> Callback:
    """Add those filters that failures differ by; the command receives what was given as `filters`."""

    @functools.wraps(command)
    def with_filters(*args: Any, **rest: Any) -> Any:
        values = {name: rest.pop(name) for name in FILTERS}
        return command(*args, filters={name: value for name, value in values.items() if value is not None}, **rest)

    for option in reversed(_FILTERS):
        with_filters = option(with_filters)
    return with_filters


def asking_options(command: Callback) -> Callback:
    """Add --all, --dry-run and --yes to a command with filters."""

    @functools.wraps(command)
    def with_all(*args: Any, filters: dict[str, Any], everything: bool, **rest: Any) -> Any:
        return command(*args, filters=filters | ({"everything": True} if everything else {}), **rest)

    for option in reversed(_ASKING):
        with_all = option(with_all)
    return with_all


_STATE = click.option("--state", type=click.Choice(STATES), multiple=True, help="In this state.")
_FILTERS = (
    click.option("--queue", metavar="NAME", help="In this queue."),
    click.option("--task", metavar="PATTERN", help="Of this task; `*` is any text, `?` any character."),
    click.option("--key", metavar="KEY", help="With this unique key, serial key or group."),
    click.option("--error-type", metavar="CLASS", help="Whose last error was of this class."),
    click.option("--message", metavar="PATTERN", help="Whose last error said this; patterns as in --task."),
    click.option("--responsible", metavar="NAME", help="For which this person is recorded to be responsible."),
    click.option("--older-than", type=duration, metavar="DURATION", help="Enqueued or finished longer ago: 90s, 7d."),
    click.option("--newer-than", type=duration, metavar="DURATION", help="Enqueued or finished since then."),
)
_OF_JOBS = (
    click.option(
        "--stale-for", type=duration, metavar="DURATION", help="Blocked although wanted longer ago: 1d. See `stale`."
    ),
    click.option("--batch", type=ID, help="In the batch of this id."),
)
_ASKING = (
    click.option("--all", "everything", is_flag=True, help="All that there are."),
    click.option("--dry-run", is_flag=True, help="Only count."),
    click.option("-y", "--yes", is_flag=True, help="Do not ask."),
)


def check_which(ids: Sequence[int], filters: Mapping[str, Any]) -> None:
    """Refuse a command that names no jobs, or names them twice.

    Raises:
        click.UsageError: saying how to.
    """
    if ids and filters:
        raise click.UsageError("ids and filters each say which jobs: give one of them")
    if not ids and not filters:
        raise click.UsageError(WHICH)


def summary(found: Counted) -> str:
    """How many of which tasks: `412 jobs: 400 of shop.mail, 12 of shop.invoice`."""
    tasks = Counter[str]()
    for group in found.groups:
        tasks[group.task] += group.count
    named = [f"{count:,} of {printable(task, lines=False)}" for task, count in tasks.most_common(SHOWN_TASKS)]
    rest = len(tasks) - SHOWN_TASKS
    return ", ".join([*named, *([f"and {counted(rest, 'other task')}"] if rest > 0 else [])])


def confirm(question: str, *, yes: bool) -> bool:
    """Whether the user goes on; without a terminal there is nobody to ask.

    Raises:
        Complaint: there is nobody, and --yes was not given.
    """
    if yes:
        return True
    if not sys.stdin.isatty():
        raise Complaint(f"{question}. Nobody can be asked here: give --yes, or --dry-run to count", ExitCode.USAGE)
    return click.confirm(f"{question}; go on?", err=True)


def group_documents(found: Counted) -> list[dict[str, Any]]:
    """The groups as JSON objects."""
    return [
        {"task": group.task, "queue": group.queue, "state": group.state, "count": group.count} for group in found.groups
    ]


def user_name() -> str | None:
    """Who runs this command."""
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return None
