"""`packhorse queues`: look at the queues and their settings; what is done with them is in `queue_settings.py`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from packhorse.cli.counts import counts_document, shown_counts
from packhorse.cli.exits import warn
from packhorse.cli.flags import json_option, target_options
from packhorse.cli.groups import LazyGroup
from packhorse.cli.known import warn_of_unknown_queue
from packhorse.cli.output import ago, print_fields, print_json, print_table, told_failure
from packhorse.cli.target import Target
from packhorse.domain.durations import duration
from packhorse.domain.state import JobState

if TYPE_CHECKING:
    from packhorse.domain.queue import Queue, QueueSettings
    from packhorse.engine import QueueRecord

PLACES = {
    **{name: f"packhorse.cli.queue_settings:{name}" for name in ("pause", "resume", "reset", "remove", "purge")},
    "set": "packhorse.cli.queue_settings:set_",
    **{name: f"packhorse.cli.routes:{name}" for name in ("routes", "route", "unroute")},
}


@click.group(cls=LazyGroup, places=PLACES)
def queues() -> None:
    """Look at the queues, pause them, change their settings.

        packhorse queues list
        packhorse queues pause mail --reason "the mail server is down"
        packhorse queues set mail slots=4 rate=100/m

    Running workers take up every change within a second or so. Next: `packhorse queues show NAME`.
    """


@queues.command("list")
@json_option
@target_options
def list_(target: Target, *, as_json: bool) -> None:
    """List the queues with their jobs by state.

        packhorse queues list
        packhorse queues list --json | jq '.[] | select(.counts.failed > 0).name'

    OLDEST says since when the longest-waiting job has waited, REMARK what is not as usual.

    Next: `packhorse queues show NAME`, or `packhorse stats --watch` to see them move.
    """
    app = target.existing
    records = {one.name: one for one in app.queues.list()}
    found = _with_idle(app.list_queues(), records)
    if as_json:
        print_json([{**queue_document(queue), **record_document(records.get(queue.name))} for queue in found])
        return
    print_queues(found, records)
    for failure in app.list_load_failures():
        warn(told_failure(failure))


@queues.command()
@click.argument("name")
@json_option
@target_options
def show(target: Target, name: str, *, as_json: bool) -> None:
    """Show the settings of a queue, and who has said so.

        packhorse queues show mail
        packhorse queues show mail --json | jq .settings.slots

    A setting comes from the code, from somebody who set it at run time, or is the default.

    Next: `packhorse queues set NAME SETTING=VALUE`.
    """
    record = target.existing.queues.get(name)
    warn_of_unknown_queue(target, name)
    if as_json:
        print_json({"name": name, **record_document(record)})
    else:
        print_record(record)


def print_queues(queues: Sequence[QueueRecord], records: Mapping[str, Queue]) -> None:
    """Print a line for each queue."""
    if not queues:
        click.echo("no queues yet: a queue appears with its first job")
        return
    states = [state.value.upper() for state in JobState]
    rows = [
        (
            queue.name,
            *shown_counts(queue.counts, queue.at_least),
            ago(queue.oldest_available_at),
            remark(records.get(queue.name)),
        )
        for queue in queues
    ]
    print_table(["QUEUE", *states, "OLDEST", "REMARK"], rows, numbers=" ".join(states))


def print_record(record: Queue) -> None:
    """Print a queue's pause and its settings."""
    fields: dict[str, object] = {"queue": record.name, "paused": pause_of(record) or "no"}
    for name, value in dataclasses.asdict(record.settings).items():
        fields[name] = f"{shown(getattr(record.settings, name), name)}{_source(record, name, value)}"
    print_fields(fields)


def remark(record: Queue | None) -> str:
    """What is not as usual with a queue: `paused by kim 3 min ago; slots 4`."""
    if record is None:
        return ""
    from packhorse.domain.queue import NAMES, QueueSettings

    usual = QueueSettings()
    unusual = [name for name in NAMES if getattr(record.settings, name) != getattr(usual, name)]
    settings = [f"{name} {shown(getattr(record.settings, name), name)}" for name in unusual]
    return "; ".join(filter(None, [pause_of(record), *settings]))


def pause_of(record: Queue) -> str:
    """Since when a queue is paused, by whom and why; nothing when it is not."""
    if not record.is_paused:
        return ""
    by = f" by {record.paused_by}" if record.paused_by else ""
    reason = f" ({record.paused_reason})" if record.paused_reason else ""
    return f"paused{by} {ago(record.paused_at)}{reason}"


def shown(value: Any, name: str = "") -> str:
    """A setting's value as people write it."""
    if value is None:
        return "default" if name.startswith("keep_") else "none"
    if isinstance(value, timedelta):
        return duration(value) if value else "0"
    return ("no", "yes")[value] if isinstance(value, bool) else str(value)


def queue_document(queue: QueueRecord) -> dict[str, Any]:
    """The queue as a JSON object."""
    return {"name": queue.name, **counts_document(queue), "oldest_available_at": queue.oldest_available_at}


def record_document(record: Queue | None) -> dict[str, Any]:
    """A queue's pause and settings as a JSON object."""
    from packhorse.domain.queue import DEFAULTS

    settings = DEFAULTS if record is None else record.settings
    return {
        "paused_at": record and record.paused_at,
        "paused_by": record and record.paused_by,
        "paused_reason": record and record.paused_reason,
        "settings": _settings_document(settings),
        "set_at_run_time": sorted(record.changed) if record else [],
        "declared": sorted(record.declared) if record else [],
    }


def _with_idle(found: Sequence[QueueRecord], records: Mapping[str, Queue]) -> list[QueueRecord]:
    """The queues that have, or had, jobs, and those that have a record alone."""
    from packhorse.engine import QueueRecord

    nothing = dict.fromkeys(JobState, 0)
    idle = [
        QueueRecord(name=name, counts=nothing, oldest_available_at=None)
        for name in records.keys() - {queue.name for queue in found}
    ]
    return sorted([*found, *idle], key=lambda queue: queue.name)


def _settings_document(settings: QueueSettings) -> dict[str, Any]:
    from packhorse.domain.queue import NAMES, RateLimit

    def plain(value: Any) -> Any:
        if isinstance(value, timedelta):
            return value.total_seconds()
        return str(value) if isinstance(value, RateLimit) else value

    return {name: plain(getattr(settings, name)) for name in NAMES}


def _source(record: Queue, name: str, value: object) -> str:
    if name in record.changed:
        return "  (set at run time)"
    if name in record.declared:
        return "  (from the code)"
    return "" if value is None or value is False else "  (the default)"
